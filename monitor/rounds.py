"""Runs one collector on one session, for all collectors alike: times, books, and catches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from collectors._base import Absence, Collector, Role
from monitor.clock import Clock
from monitor.conversation.failures import QueryFailure
from monitor.conversation.rights import Rights
from monitor.conversation.session import Session
from monitor.exposition.render import Served
from monitor.facts import Facts
from monitor.ledger import Ledger
from monitor.pace import Paces

log = structlog.get_logger("pgvigil")
Sink = Callable[[Collector[Any], str | None, Sequence[Any]], Served]


@dataclass(slots=True)
class Rounds:
    """Everything that is asked of one server, and what came of it."""

    server: str
    clock: Clock
    facts: Facts
    paces: Paces
    deadline: float
    """Seconds after which an unanswered query costs us the session."""
    show: Sink
    """Where fresh rows go to be made metrics of."""
    forget: Callable[[Collector[Any], str], None]
    """Takes those of a database that is gone away again."""
    ledger: Ledger = field(default_factory=Ledger)
    server_time: float = 0.0
    """Seconds that the server has spent on us."""
    fresh: set[Collector[Any]] = field(default_factory=set)
    """Collectors with news since the last judgement."""

    async def ask(
        self, collector: Collector[Any], session: Session, rights: Rights | None, role: Role | None
    ) -> None:
        """One round. Raises QueryFailure only where the session was lost."""
        database = session.identity.database if collector.scope == "database" else None
        entry, now = self.ledger.of(collector, database), self.clock.now()
        lacking = _lacking(collector, session, rights, role)
        if lacking:
            self._lack(collector, database, lacking)
            entry.absence(now, lacking.reason)
            return
        entry.asked = now
        try:
            rows = await self._rows(collector, session)
        except QueryFailure as failure:
            self._failed(collector, database, failure)
            if failure.lost:
                raise
            return
        at = self.clock.now()
        self._book(collector, at - now, session.round_trip)
        entry.success(at, at - now, len(rows))
        self._take(collector, database, rows, at)

    async def _rows(self, collector: Collector[Any], session: Session) -> list[Any]:
        query = collector.query(session.identity.version)
        assert query is not None
        if collector.extension:
            query = query.replace("{schema}", session.identity.schema_of(collector.extension))
        records = await session.fetch(query, self.deadline)
        return [collector.row(**record) for record in records]

    def _take(
        self, collector: Collector[Any], database: str | None, rows: Sequence[Any], at: float
    ) -> None:
        if database is None:
            self.facts.take(collector, rows, at)
        else:
            self.facts.take_part(collector, database, rows, at)
        self.fresh.add(collector)
        served = self.show(collector, database, rows)
        entry = self.ledger.of(collector, database)
        entry.left_out, entry.duplicates = served.left_out, served.duplicates

    def supply(self, collector: Collector[Any], rows: Sequence[Any]) -> None:
        """Rows of which the daemon itself is the source."""
        self.ledger.of(collector).success(self.clock.now(), 0.0, len(rows))
        self._take(collector, None, rows, self.clock.now())

    def gated(self, collector: Collector[Any]) -> bool:
        """Whether it is known without asking that there is nothing to see; then that is taken."""
        gate = collector.gate
        if gate is None or gate.reads not in self.facts.answers:
            return False
        if gate.opens(self.facts.answers[gate.reads].rows):
            return False
        self.supply(collector, ())
        return True

    def _failed(
        self, collector: Collector[Any], database: str | None, failure: QueryFailure
    ) -> None:
        entry = self.ledger.of(collector, database)
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

    def _lack(self, collector: Collector[Any], database: str | None, why: Absence) -> None:
        if database is not None:
            self.facts.lack_part(collector, database, why)
        elif self.facts.lack(collector, why):
            self.fresh.add(collector)

    def _book(self, collector: Collector[Any], seconds: float, round_trip: float) -> None:
        cost = max(0.0, seconds - round_trip)
        self.server_time += cost
        self.paces.distress = 0
        self.paces.spent(collector, cost)

    def due(self, collector: Collector[Any], database: str | None = None) -> bool:
        return self.ledger.of(collector, database).is_due(
            self.clock.now(), self.paces.of(collector)
        )


def _lacking(
    collector: Collector[Any], session: Session, rights: Rights | None, role: Role | None
) -> Absence | None:
    """Why this query need not be sent at all."""
    if collector.on and role and collector.on is not role:
        return Absence(f"only a {collector.on} has it")
    if collector.query(session.identity.version) is None:
        return Absence(f"not on this version of PostgreSQL ({session.identity.version_text})")
    if collector.extension and not session.identity.schema_of(collector.extension):
        return Absence(f"the extension {collector.extension} is not installed here")
    return rights.lacking(collector.needs) if rights else None
