"""Server log: counts of what the server has written since the last visit."""

from dataclasses import dataclass
from pathlib import Path

from alerts.history.memory import Memory
from collectors.log_counts import log_counts
from collectors.logged_plans import logged_plans
from collectors.server_log import server_log
from monitor.server_log.watch import LogBook, LogWatch, Seen, log_watch
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source

PATIENCE = 1.0
"""Seconds that a single check waits for the log."""


@dataclass(frozen=True, slots=True)
class ServerLog(Source):
    """Supplies the counts whenever the log was read."""

    watch: LogWatch
    name = "server_log"

    @classmethod
    def of(
        cls, outlet: Outlet, folder: Path | None, memory: Memory, server: str, pace: float
    ) -> "ServerLog":
        def supply(seen: Seen) -> None:
            outlet.supply(log_counts, seen.counts)
            outlet.supply(server_log, (seen.log,))
            outlet.supply(logged_plans, seen.plans)

        book = LogBook.of(folder, memory, server) if folder else None
        supplied = log_counts, server_log, logged_plans
        return cls(log_watch(book, supply, lambda why: outlet.lack(why, *supplied), pace))

    async def tick(self, now: float) -> None:
        self.watch.tick(now)

    async def settle(self) -> None:
        await self.watch.settled(PATIENCE)
