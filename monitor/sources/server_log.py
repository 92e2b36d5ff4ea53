"""Server log: counts of what the server has written since the last visit."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from alerts.history.memory import Memory
from collectors._base import Absence
from collectors.log_counts import log_counts
from collectors.logged_plans import logged_plans
from collectors.server_log import server_log
from monitor.defects import DEFECTS
from monitor.polling.round_log import RoundLog
from monitor.postgres.session import Session
from monitor.postgres.sessions import Sessions
from monitor.reading import ReadFailure
from monitor.server_log.by_sql import LogBySql
from monitor.server_log.counter import Seen
from monitor.server_log.watch import LogBook, LogWatch, log_watch
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source

PATIENCE = 1.0
"""Seconds that a single check waits for the log."""
SUPPLIED = log_counts, server_log, logged_plans
LOCK_MS, STATEMENT_MS = 10, 500
"""Milliseconds that a query may wait for a lock, and run."""
DEADLINE = 3.0
"""Seconds for the answer of one query."""


def supply(outlet: Outlet, seen: Seen) -> None:
    outlet.supply(log_counts, seen.counts)
    outlet.supply(server_log, (seen.log,))
    outlet.supply(logged_plans, seen.plans)


@dataclass(frozen=True, slots=True)
class ServerLog(Source):
    """Supplies the counts whenever the folder was read."""

    watch: LogWatch
    name = "server_log"

    @classmethod
    def of(
        cls, outlet: Outlet, folder: Path | None, memory: Memory, server: str, pace: float
    ) -> "ServerLog":
        book = LogBook.of(folder, memory, server) if folder else None
        watch = log_watch(
            book,
            lambda seen: supply(outlet, seen),
            lambda why: outlet.lack(why, *SUPPLIED),
            pace,
        )
        return cls(watch)

    async def tick(self, now: float) -> None:
        self.watch.tick(now)

    async def settle(self) -> None:
        await self.watch.settled(PATIENCE)


@dataclass(slots=True)
class ServerLogBySql(Source):
    """Supplies the counts whenever the server has read its log for us, on the wide session."""

    outlet: Outlet
    sessions: Sessions
    round_log: RoundLog
    log: LogBySql
    server: str
    pace: float
    """Seconds between two visits."""
    visit: "asyncio.Task[None] | None" = None
    begun: float | None = None
    """When the last visit began, in unix seconds."""
    name = "server_log"

    async def tick(self, now: float) -> None:
        session = self.sessions.wide.alive or self.sessions.any
        is_busy = self.visit is not None and not self.visit.done()
        is_early = self.begun is not None and now - self.begun < self.pace
        if session and not is_busy and not is_early:
            self.begun = now
            self.visit = asyncio.create_task(self._read(session, now))

    async def settle(self) -> None:
        if self.visit:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self.visit), PATIENCE)

    async def close(self) -> None:
        if self.visit:
            self.visit.cancel()
            await asyncio.gather(self.visit, return_exceptions=True)

    async def _read(self, session: Session, now: float) -> None:
        async def ask(query: str) -> "list[object]":
            limits = LOCK_MS, STATEMENT_MS
            records, cost = await session.ask(query, DEADLINE, apart=True, limits=limits)
            self.round_log.spend(cost.elapsed, cost.spent, False)
            return list(records)

        with DEFECTS.contained("source", source=self.name, server=self.server):
            try:
                seen = await self.log.read(ask, now)
            except ReadFailure as failure:
                self.outlet.lack(Absence(f"the log can't be read: {failure.message}"), *SUPPLIED)
            else:
                supply(self.outlet, seen)
