"""Runs one collector on one session, for all collectors alike: times, books, and catches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

import structlog

from alerts.history.recorder import LARGE
from alerts.locks.order import NAMING
from collectors._base import ALL, Absence, AnyCollector, Lane, Role, Scope, Tables
from collectors._columns import Columns, block
from monitor.background import in_background
from monitor.clock import Clock
from monitor.polling.answers import Answers
from monitor.polling.oid_ranges import Ranges
from monitor.polling.pacing import Pacing
from monitor.polling.partial_refresh import PartialRefresh
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Served, Sink
from monitor.postgres.errors import QueryFailure
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Session

log = structlog.get_logger("pgvigil")
SOON = 5.0
"""Seconds between two looks at tables while a lock is held on one that has no name yet."""
T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


@dataclass(slots=True)
class CollectorRunner:
    """Everything that is asked of one server, and what came of it."""

    server: str
    clock: Clock
    facts: Answers
    paces: Pacing
    deadline: float
    """Seconds after which an unanswered query costs us the session."""
    show: Sink
    """Where fresh rows go to be made metrics of."""
    forget: Callable[[AnyCollector, str], None]
    """Takes those of a database that is gone away again."""
    round_log: RoundLog = field(default_factory=RoundLog)
    ranges: Ranges = field(default_factory=Ranges)
    in_part: PartialRefresh = field(init=False)
    server_time: float = 0.0
    """Seconds that the server has spent on us."""
    walk_time: float = 0.0
    """Those of them that went into its databases, one by one."""
    fresh: set[AnyCollector] = field(default_factory=set)
    """Collectors with news since the last judgement."""

    def __post_init__(self) -> None:
        self.in_part = PartialRefresh(self.facts, self.paces)

    async def ask(
        self,
        collector: AnyCollector,
        session: Session,
        rights: Privileges | None,
        role: Role | None,
    ) -> None:
        """One round. Raises QueryFailure only where the session was lost."""
        database = session.identity.database if collector.scope == "database" else None
        entry, now = self.round_log.of(collector, database), self.clock.now()
        lacking = _lacking(collector, session, rights, role)
        if lacking:
            self._lack(collector, database, lacking)
            entry.absence(now, lacking.reason)
            return
        entry.asked = now
        tables = self.in_part.tables(collector, database, now)
        try:
            rows, seconds = await self._rows(collector, session, tables)
        except QueryFailure as failure:
            self._failed(collector, database, failure)
            if failure.lost:
                raise
            return
        quick = tables is not None or self.in_part.is_short(collector, database)
        self._book(collector, seconds, part=quick, cold=session.is_new_to(collector))
        at = self.clock.now()
        if tables is not None:
            await in_background(partial(self.show, collector, database, rows, whole=False))
            return
        entry.success(at, at - now, len(rows))
        self._take(collector, database, rows, at)
        await self._show(collector, database, rows)

    async def _rows(
        self, collector: AnyCollector, session: Session, tables: frozenset[int] | None
    ) -> tuple[Sequence[Any], float]:
        """What it brings, and the seconds that the server took for it."""
        if collector.bulk and tables is None:
            return await self._columns(collector, session)
        records, seconds = await self._fetch(session, _query(collector, session, tables or ALL))
        return [collector.row(**record) for record in records], seconds

    async def _columns(
        self, collector: AnyCollector, session: Session
    ) -> tuple[Sequence[Any], float]:
        blocks, total = [], 0.0
        known = self.facts.parts.get(collector, {}).get(session.identity.database)
        rows = len(known.rows) if known else None
        for tables in await self.ranges.of(session, self.deadline, self.clock.now(), rows):
            records, seconds = await self._fetch(session, _query(collector, session, tables))
            total += seconds
            blocks.append(await self._worked(records, block, collector.row, records))
        return Columns(collector.row, blocks), total

    async def _worked(
        self, rows: Sequence[Any], work: Callable[[*Arguments], T], *arguments: *Arguments
    ) -> T:
        """Few rows at once, many aside."""
        return work(*arguments) if len(rows) <= LARGE else await in_background(work, *arguments)

    async def _fetch(self, session: Session, query: str) -> tuple[list[Any], float]:
        start = self.clock.now()
        records = await session.fetch(query, self.deadline)
        return records, max(0.0, self.clock.now() - start - session.trips * session.round_trip)

    def _take(
        self, collector: AnyCollector, database: str | None, rows: Sequence[Any], at: float
    ) -> None:
        if database is None:
            self.facts.take(collector, rows, at)
        else:
            self.facts.take_part(collector, database, rows, at)
        self.fresh.add(collector)

    async def _show(
        self, collector: AnyCollector, database: str | None, rows: Sequence[Any]
    ) -> None:
        if not isinstance(rows, Columns):
            self._note(collector, database, self.show(collector, database, rows))
            return
        served = await self._worked(rows, self.show, collector, database, rows)
        self._note(collector, database, served)
        self.in_part.note(collector, database, rows, served, self.clock.now())
        if database and not self.facts.holds(collector, database, rows):
            self.forget(collector, database)  # it has lost its truth meanwhile

    def _note(self, collector: AnyCollector, database: str | None, served: Served) -> None:
        entry = self.round_log.of(collector, database)
        entry.left_out, entry.duplicates = served.left_out, served.duplicates

    def supply(self, collector: AnyCollector, rows: Sequence[Any]) -> None:
        """Rows of which the daemon itself is the source."""
        self.round_log.of(collector).success(self.clock.now(), 0.0, len(rows))
        self._take(collector, None, rows, self.clock.now())
        self._note(collector, None, self.show(collector, None, rows))

    def gated(self, collector: AnyCollector) -> bool:
        """Whether it is known without asking that there is nothing to see; then that is taken."""
        gate = collector.gate
        if gate is None or gate.reads not in self.facts.answers:
            return False
        if gate.opens(self.facts.answers[gate.reads].rows):
            return False
        self.paces.rests(collector)
        self.supply(collector, ())
        return True

    def _failed(self, collector: AnyCollector, database: str | None, failure: QueryFailure) -> None:
        entry = self.round_log.of(collector, database)
        if entry.error != failure.message:
            log.warning(
                "round failed",
                server=self.server,
                collector=collector.name,
                database=database,
                error=failure.message,
                sqlstate=failure.sqlstate,
            )
        entry.failure(self.clock.now(), self.paces.of(collector), failure)
        if failure.sqlstate == "57014" or failure.sqlstate is None:
            self.paces.distress = min(6, self.paces.distress + 1)
        self._lack(collector, database, Absence(failure.message))

    def _lack(self, collector: AnyCollector, database: str | None, why: Absence) -> None:
        if database is not None:
            self.facts.lack_part(collector, database, why)
        elif self.facts.lack(collector, why):
            self.fresh.add(collector)

    def _book(self, collector: AnyCollector, seconds: float, part: bool, cold: bool) -> None:
        self._pay(seconds, collector.scope is Scope.database)
        self.paces.distress = 0
        # The first round of a session plans the query and reads the catalogue: many times the cost
        # of the next one, which in the fast lane comes too soon to be put off because of it.
        if not (cold and collector.lane is Lane.fast):
            rare = not part and self.in_part.count(collector)
            databases = rare or self.facts.count(collector)
            self.paces.spent(collector, seconds * max(1, databases), part)

    def pay_for(self, session: Session) -> None:
        """A session of the walk costs something before it is asked anything."""
        if not session.met:
            session.met = True
            self._pay(session.opening, in_walk=True)

    def _pay(self, seconds: float, in_walk: bool) -> None:
        self.server_time += seconds
        self.walk_time += seconds if in_walk else 0.0

    def nameless(self) -> set[str]:
        """Databases in which a table is locked that has come after the newest answer."""
        return self.facts.recorder.lock_store.tables.nameless()

    def due(self, collector: AnyCollector, database: str | None = None) -> bool:
        # Short answers of other databases keep the pace of what is asked in part of a long one.
        pace = self.paces.of(collector, collector in self.paces.in_part)
        is_cheap = pace <= self.paces.lanes[collector.lane]
        if collector in NAMING and is_cheap and database in self.nameless():
            pace = min(pace, SOON)
        return self.round_log.of(collector, database).is_due(self.clock.now(), pace)


def _lacking(
    collector: AnyCollector, session: Session, rights: Privileges | None, role: Role | None
) -> Absence | None:
    """Why this query need not be sent at all."""
    if collector.on and role and collector.on is not role:
        return Absence(f"only a {collector.on} has it")
    if collector.query(session.identity.version) is None:
        return Absence(f"not on this version of PostgreSQL ({session.identity.version_text})")
    if collector.extension and not session.identity.schema_of(collector.extension):
        return Absence(f"the extension {collector.extension} is not installed here")
    return rights.lacking(collector.needs) if rights else None


def _query(collector: AnyCollector, session: Session, tables: Tables = ALL) -> str:
    query = collector.query(session.identity.version, tables)
    assert query is not None
    if collector.extension:
        query = query.replace("{schema}", session.identity.schema_of(collector.extension))
    return query
