"""The newest answers of one server; old ones are removed, so that no judge relies on them."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Absence, Answer, AnyAnswer, AnyCollector, Scope
from collectors._columns import Columns

SHELF_LIFE = 3
"""Effective paces of a collector after which its answer is too old,"""
AT_LEAST = 60.0
"""but never before this many seconds."""
TOO_OLD = Absence("its last answer is too old")


@dataclass(slots=True, eq=False)
class DatabaseAnswer:
    """Answer of one database to one collector; compared by identity."""

    rows: Sequence[Any]
    at: float


class Fresh(NamedTuple):
    """Collectors that have answered since the last judgement."""

    all: Set[AnyCollector]
    repeated: Set[AnyCollector]
    """Those whose answer has the rows that the one before had."""


@dataclass(slots=True)
class Answers:
    """Answers by collector; those of database scope are combined from their databases'."""

    recorder: Recorder
    newest: dict[AnyCollector, AnyAnswer] = field(default_factory=dict)
    absent: dict[AnyCollector, Absence] = field(default_factory=dict)
    by_database: dict[AnyCollector, dict[str, DatabaseAnswer]] = field(default_factory=dict)
    absent_in: dict[AnyCollector, dict[str, Absence]] = field(default_factory=dict)
    combined_from: dict[AnyCollector, list[DatabaseAnswer]] = field(default_factory=dict)
    """What each answer was combined from."""
    fresh: set[AnyCollector] = field(default_factory=set)
    """Collectors that have answered since the last judgement."""
    repeated: set[AnyCollector] = field(default_factory=set)
    """Those that have answered the same as before; none of those that ask in each database, whose
    rows are joined anew."""
    version: int = 0
    """Grows whenever a snapshot of now would differ from one made before."""
    _shared: tuple[object, Snapshot] | None = None
    """The last snapshot without peers, and what it was made of."""

    def take(
        self, collector: AnyCollector, database: str | None, rows: Sequence[Any], at: float
    ) -> Sequence[Any]:
        """Replace an answer; that of one database counts once `combine` was called.

        Returns its rows: those of the answer before where they are equal, so that it need not be
        published again, and is not kept twice.
        """
        if database is not None:
            self._note(collector)
            answers = self.by_database.setdefault(collector, {})
            rows = same_rows(answers.get(database), rows)
            answers[database] = DatabaseAnswer(rows, at)
            self.absent_in.setdefault(collector, {}).pop(database, None)
            return rows
        rows = same_rows(self.newest.get(collector), rows)
        self._keep(collector, Answer(rows, at))
        return rows

    def _keep(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        self.recorder.record(collector, answer)
        self.absent.pop(collector, None)
        before = self.newest.get(collector)
        self._note(collector, before is not None and says_the_same(before, answer))
        self.newest[collector] = answer
        self.version += 1

    def _note(self, collector: AnyCollector, is_the_same: bool = False) -> None:
        """Note that there is an answer for the next judgement."""
        if not is_the_same:
            self.repeated.discard(collector)
        elif collector not in self.fresh:
            self.repeated.add(collector)
        self.fresh.add(collector)

    def count(self, collector: AnyCollector) -> int:
        """Return the number of databases that have answered."""
        return len(self.by_database.get(collector, ()))

    def is_newest(self, collector: AnyCollector, database: str, rows: Sequence[Any]) -> bool:
        """Whether these are still what that database answered last."""
        answer = self.by_database.get(collector, {}).get(database)
        return answer is not None and answer.rows is rows

    def mark_absent(self, collector: AnyCollector, database: str | None, why: Absence) -> None:
        """Record why there is no answer; the previous one stays until it is too old."""
        if database is not None:
            self.absent_in.setdefault(collector, {})[database] = why
            return
        if collector not in self.newest and self.absent.get(collector) != why:
            self._note(collector)
        self.absent[collector] = why
        self.version += 1

    def mark_unvisited(
        self, collector: AnyCollector, databases: Iterable[str], why: Absence
    ) -> None:
        """Say of databases that have never answered that they are missing."""
        answered = self.by_database.get(collector, {})
        absent = self.absent_in.setdefault(collector, {})
        for database in databases:
            if database not in answered:
                absent.setdefault(database, why)

    def combine(self, collector: AnyCollector, databases: Iterable[str], at: float) -> set[str]:
        """Make one answer of all databases that still exist; one that failed keeps its last rows.

        Returns the databases that no longer exist. Where nothing is new the answer stays the same.
        """
        answered = self.by_database.setdefault(collector, {})
        absent = self.absent_in.setdefault(collector, {})
        gone = (answered.keys() | absent.keys()) - set(databases)
        for database in gone:
            answered.pop(database, None)
            absent.pop(database, None)
        known, parts = self.newest.get(collector), list(answered.values())
        if known and known.missing == absent and self.combined_from.get(collector) == parts:
            return gone
        self.combined_from[collector] = parts
        if answered or absent or known:
            rows = joined(collector, [part.rows for part in parts])
            newest = max((part.at for part in parts), default=at)
            oldest = min((part.at for part in parts), default=at)
            self._keep(collector, Answer(rows, newest, dict(absent), oldest))
        return gone

    def is_young(self, collector: AnyCollector, now: float) -> bool:
        """Whether its answer is not too old yet, whatever its pace."""
        parts = self.by_database.get(collector)
        if collector.scope is Scope.database:
            oldest = min((part.at for part in parts.values()), default=now) if parts else now
        else:
            oldest = self.newest[collector].at
        return now - oldest <= AT_LEAST

    def expire(self, collector: AnyCollector, pace: float, now: float) -> set[str | None]:
        """Remove what is too old for a pace in seconds.

        Returns the databases whose answers were removed, {None} where it is that of the server.
        """
        life = max(AT_LEAST, SHELF_LIFE * pace)
        if collector.scope is Scope.database:
            return self._expire_parts(collector, life, now)
        if now - self.newest[collector].at <= life:
            return set()
        del self.newest[collector]
        self.absent.setdefault(collector, TOO_OLD)
        self._note(collector)
        self.version += 1
        return {None}

    def _expire_parts(self, collector: AnyCollector, life: float, now: float) -> set[str | None]:
        answered = self.by_database.get(collector, {})
        stale = {database for database, part in answered.items() if now - part.at > life}
        for database in stale:
            del answered[database]
            self.absent_in[collector].setdefault(database, TOO_OLD)
        if stale:
            self._combine_known(collector, now)
        return {*stale}

    def _combine_known(self, collector: AnyCollector, now: float) -> None:
        known = {*self.by_database.get(collector, ()), *self.absent_in.get(collector, ())}
        self.combine(collector, known, now)

    def withdraw(
        self, collector: AnyCollector, database: str | None, began: float, why: Absence
    ) -> bool:
        """Remove what was known before `began` (unix seconds), as it can't be trusted to follow.

        Returns False where something newer is known, which stays.
        """
        known: AnyAnswer | DatabaseAnswer | None = self.newest.get(collector)
        if database is not None:
            known = self.by_database.get(collector, {}).get(database)
        if known and known.at >= began:
            return False
        self.mark_absent(collector, database, why)
        self._note(collector)
        if database is not None and known:
            del self.by_database[collector][database]
            self._combine_known(collector, began)
        elif database is None:
            self.newest.pop(collector, None)
        self.version += 1
        return True

    def forget(self, collectors: Iterable[AnyCollector], why: str) -> set[AnyCollector]:
        """Remove answers at once: the server is gone, or is another one now.

        Returns the collectors for which that is news.
        """
        news, absence = set(), Absence(why, of_all=True)
        for collector in collectors:
            known = self.newest.pop(collector, None), self.by_database.pop(collector, None)
            self.absent_in.pop(collector, None)
            self.combined_from.pop(collector, None)
            if any(known) or self.absent.get(collector) != absence:
                self.absent[collector] = absence
                news.add(collector)
        self.fresh |= news
        self.repeated -= news
        self.version += bool(news)
        return news

    def refresh_all(self, collectors: Iterable[AnyCollector]) -> None:
        """Count all of these as news, whatever they said last."""
        self.fresh.update(collectors)
        self.repeated.clear()

    def take_fresh(self) -> Fresh:
        """The collectors that have answered; from now on there is none."""
        fresh, self.fresh, self.repeated = Fresh(self.fresh, self.repeated), set(), set()
        return fresh

    def snapshot(self, node: ServerIdentity, at: float, peers: Sequence[Snapshot] = ()) -> Snapshot:
        """Return a snapshot of the current answers; later answers don't change it."""
        views = self.recorder.views(at)
        return Snapshot(node, at, dict(self.newest), dict(self.absent), views, tuple(peers))

    def momentary(
        self, node: ServerIdentity, at: float, peers: Sequence[Snapshot] = ()
    ) -> Snapshot:
        """Return a snapshot for use before the next answer; `frozen` makes it one that lasts."""
        views = self.recorder.views_on_demand(at)
        return Snapshot(node, at, dict(self.newest), dict(self.absent), views, tuple(peers))

    def shared(self, node: ServerIdentity, at: float) -> Snapshot:
        """The snapshot for other servers and for the page: the same until something is new."""
        made_of = self.version, self.recorder.version, node
        if self._shared is None or self._shared[0] != made_of:
            self._shared = made_of, self.snapshot(node, at)
        return self._shared[1]


def same_rows(before: AnyAnswer | DatabaseAnswer | None, rows: Sequence[Any]) -> Sequence[Any]:
    """Return the rows of the answer before if these are equal, else these; columns are new."""
    if before is None or isinstance(rows, Columns) or type(rows) is not type(before.rows):
        return rows
    return before.rows if before.rows == rows else rows


def says_the_same(before: AnyAnswer, answer: AnyAnswer) -> bool:
    """Whether the answer has the rows of the one before, and misses the same databases."""
    return answer.rows is before.rows and answer.missing == before.missing


def joined(collector: AnyCollector, parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """The rows of all databases; as columns where they are."""
    if collector.bulk:
        columns = [part for part in parts if isinstance(part, Columns)]
        return Columns.joined(collector.row, columns)
    return [row for part in parts for row in part]
