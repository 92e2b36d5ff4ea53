"""The newest answers of one server; old ones leave, for nobody must trust yesterday's number."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Absence, Answer, AnyAnswer, AnyCollector, Scope
from collectors._columns import Columns

SHELF_LIFE = 3
"""An answer is gone after so many of its effective paces,"""
AT_LEAST = 60.0
"""but never before so many seconds."""
TOO_OLD = Absence("its last answer is too old")


@dataclass(slots=True, eq=False)
class Part:
    """What one database answered to one collector; another answer is another part."""

    rows: Sequence[Any]
    at: float


@dataclass(slots=True)
class Answers:
    """Answers by collector; those of database scope are put together from their databases'."""

    recorder: Recorder
    answers: dict[AnyCollector, AnyAnswer] = field(default_factory=dict)
    absent: dict[AnyCollector, Absence] = field(default_factory=dict)
    parts: dict[AnyCollector, dict[str, Part]] = field(default_factory=dict)
    lacking: dict[AnyCollector, dict[str, Absence]] = field(default_factory=dict)
    made_of: dict[AnyCollector, list[Part]] = field(default_factory=dict)
    """What each answer was put together from."""

    def take(self, collector: AnyCollector, rows: Sequence[Any], at: float) -> None:
        """A server's answer."""
        self.absent.pop(collector, None)
        self.answers[collector] = Answer(rows, at)
        self.recorder.record(collector, self.answers[collector])

    def take_part(
        self, collector: AnyCollector, database: str, rows: Sequence[Any], at: float
    ) -> None:
        """One database's answer; `put_together` makes it count."""
        self.parts.setdefault(collector, {})[database] = Part(rows, at)
        self.lacking.setdefault(collector, {}).pop(database, None)

    def count(self, collector: AnyCollector) -> int:
        """The databases that have answered."""
        return len(self.parts.get(collector, ()))

    def holds(self, collector: AnyCollector, database: str, rows: Sequence[Any]) -> bool:
        """Whether these are still what that database answered last."""
        part = self.parts.get(collector, {}).get(database)
        return part is not None and part.rows is rows

    def lack(self, collector: AnyCollector, why: Absence) -> bool:
        """Nothing was brought; what was known stays until it is stale. Says if that is news."""
        news = collector not in self.answers and self.absent.get(collector) != why
        self.absent[collector] = why
        return news

    def lack_part(self, collector: AnyCollector, database: str, why: Absence) -> None:
        self.lacking.setdefault(collector, {})[database] = why

    def expect(self, collector: AnyCollector, databases: Iterable[str], why: Absence) -> None:
        """Those of which nothing was ever heard are missing."""
        heard, lacking = self.parts.get(collector, {}), self.lacking.setdefault(collector, {})
        for database in databases:
            if database not in heard:
                lacking.setdefault(database, why)

    def put_together(
        self, collector: AnyCollector, databases: Iterable[str], at: float
    ) -> set[str]:
        """One answer of all databases that still exist; what failed keeps its last rows.

        Returns the databases that exist no more. Where nothing is new the answer stays the same.
        """
        parts = self.parts.setdefault(collector, {})
        lacking = self.lacking.setdefault(collector, {})
        gone = (parts.keys() | lacking.keys()) - set(databases)
        for database in gone:
            parts.pop(database, None)
            lacking.pop(database, None)
        known, made_of = self.answers.get(collector), list(parts.values())
        if known and known.missing == lacking and self.made_of.get(collector) == made_of:
            return gone
        self.made_of[collector] = made_of
        rows = joined(collector, [part.rows for part in made_of])
        if parts or lacking:
            newest = max((part.at for part in parts.values()), default=at)
            self.absent.pop(collector, None)
            self.answers[collector] = Answer(rows, newest, dict(lacking))
            self.recorder.record(collector, self.answers[collector])
        return gone

    def expire(
        self, pace_of: Callable[[AnyCollector], float], now: float
    ) -> set[tuple[AnyCollector, str | None]]:
        """Let go of what is too old; returns what was lost: collector, and database if of one."""
        lost: set[tuple[AnyCollector, str | None]] = set()
        for collector, answer in list(self.answers.items()):
            life = max(AT_LEAST, SHELF_LIFE * pace_of(collector))
            if collector.scope is Scope.database:
                lost |= {(collector, part) for part in self._expire_parts(collector, life, now)}
            elif now - answer.at > life:
                del self.answers[collector]
                self.absent.setdefault(collector, TOO_OLD)
                lost.add((collector, None))
        return lost

    def _expire_parts(self, collector: AnyCollector, life: float, now: float) -> list[str]:
        parts = self.parts.get(collector, {})
        stale = [database for database, part in parts.items() if now - part.at > life]
        for database in stale:
            del parts[database]
            self.lacking[collector].setdefault(database, TOO_OLD)
        if stale:
            self.put_together(collector, parts.keys() | self.lacking[collector].keys(), now)
        return stale

    def clear(self, collectors: Iterable[AnyCollector], why: str) -> set[AnyCollector]:
        """These facts leave at once: the server is gone, or is another one now.

        Returns those for which that is news.
        """
        news, absence = set(), Absence(why, of_all=True)
        for collector in collectors:
            known = self.answers.pop(collector, None) or self.parts.pop(collector, None)
            self.lacking.pop(collector, None)
            if known or self.absent.get(collector) != absence:
                self.absent[collector] = absence
                news.add(collector)
        return news

    def snapshot(self, node: ServerIdentity, at: float, peers: Sequence[Snapshot] = ()) -> Snapshot:
        """A picture that later answers don't change."""
        return Snapshot(
            node, at, dict(self.answers), dict(self.absent), self.recorder, tuple(peers)
        )


def joined(collector: AnyCollector, parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """The rows of all databases; as columns where they are."""
    if collector.bulk:
        columns = [part for part in parts if isinstance(part, Columns)]
        return Columns.joined(collector.row, columns)
    return [row for part in parts for row in part]
