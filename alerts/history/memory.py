"""One memory for everything that must survive a restart; where it is kept, no caller knows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Namespace(NamedTuple):
    """Whose memory: the cluster's system identifier, the server's name, a collector or finding."""

    cluster: str
    server: str
    room: str


@dataclass(slots=True)
class Memory:
    """Values by place and key. What changed since the last `changes()` waits to be written down."""

    rooms: dict[Namespace, dict[str, Json]] = field(default_factory=dict)
    dirty: dict[Namespace, dict[str, None]] = field(default_factory=dict)

    def get(self, place: Namespace, key: str) -> Json:
        return self.rooms.get(place, {}).get(key)

    def items(self, place: Namespace) -> Iterator[tuple[str, Json]]:
        yield from list(self.rooms.get(place, {}).items())

    def put(self, place: Namespace, key: str, value: Json) -> None:
        room = self.rooms.setdefault(place, {})
        if room.get(key) != value:
            room[key] = value
            self.dirty.setdefault(place, {})[key] = None

    def forget(self, place: Namespace, key: str) -> None:
        if self.rooms.get(place, {}).pop(key, None) is not None:
            self.dirty.setdefault(place, {})[key] = None

    def changes(self) -> list[tuple[Namespace, str, Json]]:
        """What is not written down yet; a value of None was forgotten. Marks all as written."""
        # Put aside first: another thread may be noting what is new.
        dirty, self.dirty = self.dirty, {}
        return [(place, key, self.get(place, key)) for place, of in dirty.items() for key in of]
