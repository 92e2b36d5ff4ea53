"""Growth of counters over weeks and restarts, from two marks of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from sys import intern
from typing import NamedTuple

from alerts.history.keys import Key, keys_of
from alerts.history.kind import History
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column


@dataclass(frozen=True, slots=True)
class Grown:
    increase: float
    seconds: float
    """Between one and two spans, unless it is watched for less."""


class Marks(NamedTuple):
    """Two earlier values of one counter, as the JSON list that a tuple becomes."""

    since: float
    """Unix seconds of the older mark."""
    value: float
    newer: float
    newer_value: float
    epoch: str

    @classmethod
    def unpack(cls, stored: Json) -> "Marks | None":
        """Read them as they were put, or as they came out of the state file."""
        match stored:
            case Marks():
                return stored
            case [
                int() | float() as since,
                int() | float() as value,
                int() | float() as newer,
                int() | float() as newer_value,
                str(epoch),
            ]:
                return cls(since, value, newer, newer_value, intern(epoch))
            case _:
                return None

    def after(self, value: float, at: float, epoch: str, span: float) -> "Marks":
        """Return what holds after another answer; a fall or a new epoch begins anew."""
        if epoch != self.epoch or value < self.newer_value:
            return Marks(at, value, at, value, epoch)
        if at - self.newer < span:
            return self
        return Marks(self.newer, self.newer_value, at, value, epoch)


@dataclass(frozen=True, slots=True)
class Growths:
    """Per key, as of the newest answer."""

    room: Mapping[str, Json]
    newest: float | None

    def of(self, key: Key, value: float, epoch: object) -> Grown | None:
        """Return the growth up to the newest value; None if its counter began anew since."""
        known = Marks.unpack(self.room.get(json.dumps(key)))
        if known is None or self.newest is None or known.epoch != str(epoch):
            return None
        return Grown(max(0.0, value - known.value), self.newest - known.since)


@dataclass(frozen=True, slots=True)
class Growth(History[Growths]):
    """The growth of a counter of each key over at least this span."""

    collector: AnyCollector
    column: str
    by: tuple[str, ...]
    span: timedelta
    weight: str
    least: int
    """Rows whose `weight`, an attribute, is less are not kept."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (self.collector,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "GrowthRecorder":
        room = f"{self.collector.name}.{self.column}.growth"
        return GrowthRecorder(self, memory, namespace.of(room))


class GrowthRecorder:
    """Keeps two marks of each counter in memory."""

    def __init__(self, kind: Growth, memory: Memory, namespace: Namespace) -> None:
        self.kind, self.span = kind, kind.span.total_seconds()
        self.memory, self.namespace = memory, namespace
        self.known: tuple[Mapping[str, Json], float | None] = memory.room(namespace), None
        """The marks, and the time of the newest answer: replaced together."""

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        kind, room = self.kind, self.memory.room(self.namespace)
        seen, changes = set(), dict[str, Json]()
        values = column(answer.rows, kind.column), column(answer.rows, kind.weight)
        rows = zip(*keys_of(collector, answer, kind.by), *values, strict=True)
        for one, epoch, value, weight in rows:
            if weight < kind.least or value is None:
                continue
            key, began = json.dumps(one), intern(str(epoch))
            seen.add(key)
            old, new = Marks.unpack(room.get(key)), Marks(answer.at, value, answer.at, value, began)
            if old is not None:
                new = old.after(value, answer.at, began, self.span)
            if new is not old:
                changes[key] = new
        if not answer.missing:  # a database that was not asked has not lost its rows
            changes |= dict.fromkeys(room.keys() - seen)
        self.memory.update(self.namespace, changes)
        self.known = self.memory.room(self.namespace), answer.at

    def restart(self) -> None:
        """Nothing begins anew: the epochs of the rows tell what was reset."""

    def view(self, at: float) -> Growths:
        return Growths(*self.known)
