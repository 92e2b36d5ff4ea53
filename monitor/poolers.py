"""Poolers: all watched poolers, the servers behind each, and the views for pages."""

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from alerts.history.memory import Memory
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.pooler_databases import pooler_databases
from monitor.clock import Clock
from monitor.config.poolers import PoolerPlan
from monitor.exposition.server_pages import ServerPages
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.pgbouncer.pooler import PoolerMonitor
from monitor.polling.sink import Sink
from monitor.scheduler import Schedule
from monitor.server import ServerMonitor
from monitor.views.overview import TargetView
from monitor.views.pool_table import pool_table

TICK = 1.0
"""Seconds between two looks at what is due."""
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(slots=True)
class Poolers:
    """Monitors of all watched poolers; those whose plan does not change are kept."""

    clock: Clock
    memory: Memory
    store: Store
    fleet: Fleet
    schedule: Schedule | None = None
    monitors: dict[str, PoolerMonitor] = field(default_factory=dict)
    pages: dict[str, ServerPages] = field(default_factory=dict)

    async def follow(self, plans: Iterable[PoolerPlan]) -> None:
        """Watch exactly these poolers."""
        wanted = {plan.name: plan for plan in plans}
        for name, monitor in list(self.monitors.items()):
            plan = wanted.get(name)
            if plan is not None and plan.same_watch(monitor.plan):
                monitor.retune(plan)
            else:
                await self._stop(self.monitors.pop(name))
        for name, plan in wanted.items():
            if name not in self.monitors:
                self._start(plan)

    def _start(self, plan: PoolerPlan) -> None:
        pages = self.pages[plan.name] = ServerPages(self.store, plan.name, {})
        monitor = PoolerMonitor(
            plan,
            self.clock,
            self.memory,
            Sink(pages.put, pages.drop),
            peers=self.peers,
            heart=self.fleet.heart,
        )
        self.monitors[plan.name] = monitor
        if self.schedule:
            late = random.uniform(0, TICK)
            self.schedule.every(_job(plan.name), TICK, monitor.tick, late)

    async def _stop(self, monitor: PoolerMonitor) -> None:
        if self.schedule:
            self.schedule.cancel(_job(monitor.plan.name))
        await monitor.close()
        self.pages.pop(monitor.plan.name).close()

    async def begin_anew(self) -> None:
        """Watch as after a restart: connections and rows are new."""
        for name, monitor in list(self.monitors.items()):
            await self._stop(monitor)
            self._start(self.monitors.pop(name).plan)

    async def close(self) -> None:
        await asyncio.gather(
            *(monitor.close() for monitor in self.monitors.values()), return_exceptions=True
        )

    def views(self) -> tuple[TargetView, ...]:
        return tuple(self._view(monitor) for monitor in self.monitors.values())

    def _view(self, monitor: PoolerMonitor) -> TargetView:
        standing, snapshot = monitor.standing(), monitor.snapshot()
        behind = tuple(name for name, _ in self._behind(monitor))
        return TargetView(
            Kind.pgbouncer,
            monitor.plan.name,
            monitor.node,
            dict(monitor.verdicts),
            up=standing.up,
            unreachable=standing.cause,
            pools=pool_table(snapshot),
            behind=behind,
        )

    # Which servers are behind which poolers.

    def peers(self, monitor: PoolerMonitor) -> Sequence[Snapshot]:
        """Return snapshots of the servers behind it, and of other poolers before any of these."""
        behind = dict(self._behind(monitor))
        others = (other for other in self.monitors.values() if other is not monitor)
        beside = [
            other.snapshot()
            for other in others
            if behind.keys() & {name for name, _ in self._behind(other)}
        ]
        return [*(server.snapshot() for server in behind.values()), *beside]

    def _behind(self, monitor: PoolerMonitor) -> Iterator[tuple[str, ServerMonitor]]:
        for name, server in self.fleet.servers.items():
            if name in monitor.plan.servers or (
                not monitor.plan.servers and _leads_to(monitor, server)
            ):
                yield name, server


def _leads_to(monitor: PoolerMonitor, server: ServerMonitor) -> bool:
    """Whether one of the pooler's databases has the address of that server."""
    answer = monitor.answers.newest.get(pooler_databases)
    try:
        target = server.plan.target.address.target()
    except (OSError, ValueError):
        return False
    own = {*zip(map(_host, target.hosts), target.ports, strict=True)}
    return any(
        (_host(host.strip()), row.port) in own
        for row in (answer.rows if answer else ())
        if not row.is_console
        for host in (row.host or "").split(",")
    )


def _host(host: str) -> str:
    return "localhost" if host in LOCAL or not host else host.lower()


def _job(name: str) -> str:
    return f"pooler {name}"
