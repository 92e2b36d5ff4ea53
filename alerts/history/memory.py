"""Memory: key-value store of all history that must survive a restart, independent of its file."""

from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple

from alerts.history.samples import Samples

Json = None | bool | int | float | str | list["Json"] | tuple["Json", ...] | dict[str, "Json"]


class Namespace(NamedTuple):
    """Owner of a part of memory: the cluster, the server's name, a collector or finding.

    A cluster is its system identifier, with the setting `cluster` where there is one: clones
    share the identifier.
    """

    cluster: str
    server: str
    room: str

    def of(self, room: str) -> "Namespace":
        """Return the same server's namespace of another collector or finding."""
        return self._replace(room=room)


Change = tuple[Namespace, str, Json]
"""A value of None was forgotten."""
BATCH = 1000
"""Values that are put under one lock: a thread that needs the memory never waits for all."""


class Memory:
    """Values by namespace and key, with a list of what must still be written to disk.

    Every method may be called from any thread. What `room` returns never changes.
    """

    __slots__ = ("_dirty", "_lock", "_rooms", "_shared", "samples")

    def __init__(self) -> None:
        self.samples = Samples()
        self._lock = Lock()
        self._rooms: dict[Namespace, dict[str, Json]] = {}
        self._shared: set[Namespace] = set()
        """Rooms that were handed out: they are copied before they change."""
        self._dirty: dict[Namespace, dict[str, None]] = {}

    def get(self, namespace: Namespace, key: str) -> Json:
        with self._lock:
            return self._rooms.get(namespace, {}).get(key)

    def is_empty(self, namespace: Namespace) -> bool:
        return not self._rooms.get(namespace)  # one look, which needs no lock

    def items(self, namespace: Namespace) -> Iterator[tuple[str, Json]]:
        with self._lock:
            known = list(self._rooms.get(namespace, {}).items())
        return iter(known)

    def namespaces(self) -> list[Namespace]:
        """Return those of which something is known."""
        with self._lock:
            return [namespace for namespace, room in self._rooms.items() if room]

    def room(self, namespace: Namespace) -> Mapping[str, Json]:
        """Return all values of a namespace as they are now, without copying them."""
        with self._lock:
            self._shared.add(namespace)
            return MappingProxyType(self._rooms.setdefault(namespace, {}))

    def put(self, namespace: Namespace, key: str, value: Json) -> None:
        with self._lock:
            self._put(namespace, key, value)

    def forget(self, namespace: Namespace, key: str) -> None:
        with self._lock:
            self._put(namespace, key, None)

    def update(self, namespace: Namespace, values: Mapping[str, Json]) -> None:
        """Put many values at once; None forgets a key."""
        waiting = list(values.items())
        for first in range(0, len(waiting), BATCH):
            with self._lock:
                for key, value in waiting[first : first + BATCH]:
                    self._put(namespace, key, value)

    def restore(self, values: Iterable[Change]) -> None:
        """Put values that are on disk already."""
        with self._lock:
            for namespace, key, value in values:
                self._writable(namespace)[key] = value

    def restore_missing(self, namespace: Namespace, key: str, value: Json) -> None:
        """Put a value that is on disk, unless there is one already: that is newer."""
        with self._lock:
            if key not in self._rooms.get(namespace, {}) and key not in self._dirty.get(
                namespace, {}
            ):
                self._writable(namespace)[key] = value

    def everything(self) -> list[Change]:
        """Return all values, to be written to an empty file."""
        with self._lock:
            return [
                (namespace, key, value)
                for namespace, room in self._rooms.items()
                for key, value in room.items()
            ]

    def take_changes(self) -> list[Change]:
        """Hand over what is not written down yet; from now on the caller answers for it."""
        with self._lock:
            dirty, self._dirty = self._dirty, {}
            return [
                (namespace, key, self._rooms.get(namespace, {}).get(key))
                for namespace, keys in dirty.items()
                for key in keys
            ]

    def give_back(self, changes: Iterable[Change]) -> None:
        """Mark as not written what was handed over in vain."""
        with self._lock:
            for namespace, key, _ in changes:
                self._dirty.setdefault(namespace, {})[key] = None

    # With the lock held.

    def _put(self, namespace: Namespace, key: str, value: Json) -> None:
        room = self._rooms.get(namespace, {})
        if room.get(key) == value:
            return
        if value is None:
            del self._writable(namespace)[key]
        else:
            self._writable(namespace)[key] = value
        self._dirty.setdefault(namespace, {})[key] = None

    def _writable(self, namespace: Namespace) -> dict[str, Json]:
        if namespace in self._shared:
            self._shared.discard(namespace)
            self._rooms[namespace] = dict(self._rooms[namespace])
        return self._rooms.setdefault(namespace, {})
