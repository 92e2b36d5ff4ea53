"""Time since the last change of a counter, over weeks and restarts."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import NamedTuple

from alerts.history.keys import Key, keys_of, parsed_key
from alerts.history.kind import History
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column


@dataclass(frozen=True, slots=True)
class UnchangedFor:
    """Seconds since the last change of a counter; without a known change, since it is watched."""

    seconds: float
    since: float
    moved: bool
    value: float
    """The value at which it has stood since then."""


class Standstill(NamedTuple):
    """Entry of one counter in memory, as the JSON list that a tuple becomes."""

    value: float
    since: float
    """Unix seconds of the first answer with that value."""
    moved: bool
    epoch: str

    @classmethod
    def unpack(cls, stored: Json) -> "Standstill | None":
        """Read it as it was put, or as it came out of the state file; None of anything else."""
        match stored:
            case Standstill():
                return stored
            case [int() | float() as value, int() | float() as since, bool(moved), str(epoch)]:
                return cls(value, since, moved, intern(epoch))
            case _:
                return None

    def after(self, value: float, at: float, epoch: str) -> "Standstill":
        """Return what holds after another answer; a fall or a new epoch begins anew."""
        if epoch != self.epoch or value < self.value:
            return Standstill(value, at, False, epoch)
        return Standstill(value, at, True, epoch) if value > self.value else self


@dataclass(frozen=True, slots=True, eq=False)
class UnchangedForKeys(Mapping[Key, UnchangedFor]):
    """Per key, as of the newest answer: nothing is known of the time since then.

    Each one is read when it is asked for, as there may be a hundred thousand.
    """

    room: Mapping[str, Json]
    newest: float
    """Unix seconds of the newest answer."""

    def __getitem__(self, key: Key) -> UnchangedFor:
        known = Standstill.unpack(self.room.get(json.dumps(key)))
        if known is None:
            raise KeyError(key)
        return UnchangedFor(self.newest - known.since, known.since, known.moved, known.value)

    def __iter__(self) -> Iterator[Key]:
        return (key for key in map(parsed_key, self.room) if key is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Unchanged(History[Mapping[Key, UnchangedFor]]):
    """Time for which a counter of each key has not moved."""

    collector: AnyCollector
    column: str
    by: tuple[str, ...] = ()
    """The attributes by which a row is known again; empty: the key of its collector."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (self.collector,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "UnchangedRecorder":
        room = f"{self.collector.name}.{self.column}"
        return UnchangedRecorder(self, memory, namespace.of(room))


class UnchangedRecorder:
    """Keeps each counter's value in memory, with the time since which it has it."""

    def __init__(self, kind: Unchanged, memory: Memory, namespace: Namespace) -> None:
        self.column, self.by, self.memory, self.namespace = kind.column, kind.by, memory, namespace
        self.known: tuple[Mapping[str, Json], float | None] = memory.room(namespace), None
        """The values, and the time of the newest answer: replaced together."""

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        room = self.memory.room(self.namespace)
        seen, changes = set(), dict[str, Json]()
        values = column(answer.rows, self.column)
        for one, epoch, value in zip(*keys_of(collector, answer, self.by), values, strict=True):
            key, began = json.dumps(one), intern(str(epoch))
            seen.add(key)
            if value is not None:
                old = Standstill.unpack(room.get(key))
                new = (
                    old.after(value, answer.at, began)
                    if old
                    else Standstill(value, answer.at, False, began)
                )
                if new is not old:
                    changes[key] = new
        if not answer.missing:  # a database that was not asked has not lost its rows
            changes |= dict.fromkeys(room.keys() - seen)
        self.memory.update(self.namespace, changes)
        self.known = self.memory.room(self.namespace), answer.at

    def restart(self) -> None:
        """Nothing begins anew: the epochs of the rows tell what was reset."""

    def view(self, at: float) -> UnchangedForKeys:
        room, newest = self.known
        return UnchangedForKeys(room, at if newest is None else newest)
