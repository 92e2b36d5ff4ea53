"""Churn of tables: by how much dead and inserted rows grow in each hour, kept over restarts.

Between two answers with a VACUUM or ANALYZE in between nothing is known: both set the counts anew.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_tables import user_tables

HOUR = 3600
KEPT = 24
"""Hours that are kept of each table."""
LEAST = 1000
"""Dead or inserted rows from which a table is followed."""
MOST = 500
"""Tables that are followed, those with the most such rows first."""
COUNTS = ("n_dead_tup", "n_ins_since_vacuum")
MARKS = ("vacuum_count", "autovacuum_count", "analyze_count", "autoanalyze_count")
Key = tuple[str, int]
"""Database and OID."""


class Hour(NamedTuple):
    """Churn of one table within an hour."""

    begin: int
    """Hours since 1970."""
    seconds: float
    """How much of it was seen."""
    dead: float
    inserted: float

    @classmethod
    def unpack(cls, stored: Json) -> "tuple[Hour, ...]":
        """Read the hours of a table as they were put, or as they came out of the state file."""
        found = []
        for one in stored if isinstance(stored, list | tuple) else ():
            match one:
                case [
                    int(begin),
                    int() | float() as seconds,
                    int() | float() as dead,
                    int() | float() as inserted,
                ]:
                    found.append(cls(begin, seconds, dead, inserted))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class ChurnBook:
    """The hours of each table, with the one that has not ended yet."""

    room: Mapping[str, Json]
    current: Mapping[Key, Hour]

    def of(self, datname: str, relid: int) -> tuple[Hour, ...]:
        """Return the known hours of a table, the oldest first."""
        past = Hour.unpack(self.room.get(_label((datname, relid))))
        now = self.current.get((datname, relid))
        return (*past, now) if now and now.seconds else past


class Churn(SingleHistory[ChurnBook]):
    """The growth of dead and inserted rows of those tables that have many."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_tables,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "ChurnRecorder":
        return ChurnRecorder(memory, namespace.of("user_tables.churn"))


CHURN = Churn()


class Seen(NamedTuple):
    """The counts of a table at its newest answer."""

    at: float
    dead: int
    inserted: int
    marks: int


class ChurnRecorder:
    """Adds up what grew between two answers."""

    def __init__(self, memory: Memory, namespace: Namespace) -> None:
        self.memory, self.namespace = memory, namespace
        self.seen: dict[Key, Seen] = {}
        self.current: dict[Key, Hour] = {}
        self.book = ChurnBook(memory.room(namespace), {})

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        seen = dict(self._followed(answer))
        changes: dict[str, Json] = {}
        for key, new in seen.items():
            before, hour = self.seen.get(key), int(new.at // HOUR)
            current = self.current.get(key)
            if current and current.begin != hour:
                past = Hour.unpack(self.memory.get(self.namespace, _label(key)))
                changes[_label(key)] = [list(one) for one in (*past, current)[-KEPT:]]
                current = None
            grown = _grown(before, new, hour)
            self.current[key] = _sum(current, grown) if current else grown
        if not answer.missing:
            changes |= {_label(key): None for key in self.seen.keys() - seen.keys()}
            self.current = {key: hour for key, hour in self.current.items() if key in seen}
        self.seen = seen
        self.memory.update(self.namespace, changes)
        self.book = ChurnBook(self.memory.room(self.namespace), dict(self.current))

    def _followed(self, answer: AnyAnswer) -> Iterator[tuple[Key, Seen]]:
        """Yield the tables with many such rows, and those that were followed before."""
        names, relids = column(answer.rows, "datname"), column(answer.rows, "relid")
        dead, inserted = (column(answer.rows, name) for name in COUNTS)
        most = [max(d or 0, i or 0) for d, i in zip(dead, inserted, strict=True)]
        least = LEAST if len(most) <= MOST else max(LEAST, sorted(most)[-MOST])
        marks: Sequence[Sequence[int]] = [column(answer.rows, name) for name in MARKS]
        for index, count in enumerate(most):
            key = names[index], relids[index]
            if count >= least or key in self.seen:
                number = sum(mark[index] or 0 for mark in marks)
                yield key, Seen(answer.at, dead[index] or 0, inserted[index] or 0, number)

    def restart(self) -> None:
        self.seen = {}

    def view(self, at: float) -> ChurnBook:
        return self.book


def _grown(before: Seen | None, new: Seen, hour: int) -> Hour:
    if before is None or before.marks != new.marks or new.at <= before.at:
        return Hour(hour, 0.0, 0.0, 0.0)
    dead, inserted = new.dead - before.dead, new.inserted - before.inserted
    return Hour(hour, new.at - before.at, dead, max(0, inserted))


def _sum(one: Hour, other: Hour) -> Hour:
    return Hour(
        one.begin,
        one.seconds + other.seconds,
        one.dead + other.dead,
        one.inserted + other.inserted,
    )


def _label(key: Key) -> str:
    return json.dumps(key)
