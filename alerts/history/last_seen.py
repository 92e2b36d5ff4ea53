"""Names that were among the rows before, but have disappeared; kept over restarts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from alerts.history.kind import History
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector


@dataclass(frozen=True, slots=True)
class Disappeared:
    """Seconds since a name has disappeared, and how long it was present before."""

    seconds: float
    stayed: float


class Presence(NamedTuple):
    """Entry of one name in memory, as the JSON list that a tuple becomes: unix seconds."""

    first: float
    last: float

    @classmethod
    def unpack(cls, stored: Json) -> "Presence | None":
        """Read it as it was put, or as it came out of the state file; None of anything else."""
        match stored:
            case Presence():
                return stored
            case [int() | float() as first, int() | float() as last]:
                return cls(first, last)
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Absentees:
    """The names that were seen, with the times."""

    room: Mapping[str, Json]
    newest: float | None
    """Unix seconds of the newest answer; None before the first."""
    now: float

    def within(self, name: str, span: timedelta) -> bool:
        """Whether it was among the rows within that time."""
        seen = Presence.unpack(self.room.get(name))
        return seen is not None and self.now - seen.last <= span.total_seconds()

    def gone(self) -> dict[str, Disappeared]:
        """Those who are not in the newest answer."""
        presences = ((name, Presence.unpack(stored)) for name, stored in self.room.items())
        return {
            name: Disappeared(self.now - seen.last, seen.last - seen.first)
            for name, seen in presences
            if seen and self.newest is not None and seen.last < self.newest
        }


@dataclass(frozen=True, slots=True)
class LastSeen(History[Absentees]):
    """Time when each name was last among the rows; forgotten after the span."""

    collector: AnyCollector
    column: str
    """The attribute, a text, that names what a row is about; a row without one is left out."""
    span: timedelta

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (self.collector,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "LastSeenRecorder":
        room = f"{self.collector.name}.{self.column}.presence"
        return LastSeenRecorder(self, memory, namespace.of(room))


class LastSeenRecorder:
    """Keeps in memory when each name was there first and last."""

    def __init__(self, kind: LastSeen, memory: Memory, namespace: Namespace) -> None:
        self.column, self.span = kind.column, kind.span.total_seconds()
        self.memory, self.namespace = memory, namespace
        self.known: tuple[Mapping[str, Json], float | None] = memory.room(namespace), None
        """The names, and the time of the newest answer: replaced together."""

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        room, at = self.memory.room(self.namespace), answer.at
        changes: dict[str, Json] = {}
        for name, stored in room.items():
            seen = Presence.unpack(stored)
            if seen is None or at - seen.last > self.span:
                changes[name] = None
        for name in {getattr(row, self.column) for row in answer.rows} - {None}:
            seen = Presence.unpack(room.get(name))
            changes[name] = Presence(seen.first if seen else at, at)
        self.memory.update(self.namespace, changes)
        self.known = self.memory.room(self.namespace), at

    def restart(self) -> None:
        """Nothing begins anew: who received from a server before its restart is still missed."""

    def view(self, at: float) -> Absentees:
        return Absentees(*self.known, at)
