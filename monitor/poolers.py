"""Poolers: all watched poolers, the servers behind each, and the views for pages."""

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from alerts._catalogue import findings_about
from alerts.history.memory import Memory
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.pooled_sessions import PooledSession, pooled_sessions
from collectors.pooler_clients import pooler_clients
from collectors.pooler_databases import pooler_databases
from collectors.pooler_routes import PoolerRoute
from collectors.pooler_servers import pooler_servers
from monitor.clock import Clock
from monitor.config.poolers import PoolerPlan
from monitor.defects import DEFECTS
from monitor.exposition.server_pages import ServerPages
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.judging import unknown
from monitor.pgbouncer.pooler import PoolerMonitor
from monitor.pgbouncer.routes import Place, place, routes, sessions_behind
from monitor.polling.sink import Sink
from monitor.scheduler import Schedule
from monitor.server import ServerMonitor
from monitor.views.overview import TargetView
from monitor.views.pool_table import pool_table, server_side

TICK = 1.0
"""Seconds between two looks at what is due."""
TELL = 15.0
"""Seconds between two times that servers are told their pooled sessions."""


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
    is_telling: bool = False
    """Whether servers are told their pooled sessions; from the first pooler on."""

    async def follow(self, plans: Iterable[PoolerPlan]) -> None:
        """Watch exactly these poolers. Neither this nor `begin_anew` runs twice at once."""
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
        if self.schedule and self.monitors and not self.is_telling:
            self.is_telling = True
            self.schedule.every("pooled sessions", TELL, self.tell_servers, TICK)

    def _start(self, plan: PoolerPlan) -> None:
        pages = self.pages[plan.name] = ServerPages(self.store, plan.name, {})
        monitor = PoolerMonitor(
            plan,
            self.clock,
            self.memory,
            Sink(pages.put, pages.drop),
            peers=self.peers,
            routes=self.routes,
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
        return tuple(self._seen(monitor) for monitor in self.monitors.values())

    def _seen(self, monitor: PoolerMonitor) -> TargetView:
        """Return the state of one pooler; a defect in it hides no server and no other pooler."""
        try:
            return self._view(monitor)
        except Exception as defect:
            DEFECTS.note("view", defect, server=monitor.plan.name)
            findings, now = findings_about(Kind.pgbouncer), self.clock.now()
            verdicts = {name: unknown(finding, now, defect) for name, finding in findings.items()}
            node = monitor.node
            return TargetView(Kind.pgbouncer, node.server, node, verdicts, up=False)

    def _view(self, monitor: PoolerMonitor) -> TargetView:
        standing, snapshot = monitor.console.report(), monitor.snapshot()
        behind = dict(self._behind(monitor))
        sides = (server_side(one.snapshot(), monitor.plan.name) for one in behind.values())
        return TargetView(
            Kind.pgbouncer,
            monitor.plan.name,
            monitor.node,
            dict(monitor.verdicts),
            up=standing.up,
            unreachable=standing.cause,
            pools=pool_table(snapshot),
            behind=tuple(behind),
            sides=tuple(sides),
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
        wanted = {*monitor.plan.servers, *(route.server for route in self.routes(monitor))}
        yield from ((name, one) for name, one in self.fleet.servers.items() if name in wanted)

    def routes(self, monitor: PoolerMonitor) -> tuple[PoolerRoute, ...]:
        """Return which of its databases lead to which watched server."""
        answer = monitor.answers.newest.get(pooler_databases)
        host = monitor.console.host
        if answer is None or host is None:
            return ()
        servers = {name: set(_places(server)) for name, server in self.fleet.servers.items()}
        return tuple(routes(answer.rows, servers, monitor.plan.servers, host))

    async def tell_servers(self) -> None:
        """Tell each server which of its sessions are connections of a pooler."""
        found: dict[str, list[PooledSession]] = {name: [] for name in self.fleet.servers}
        for monitor in self.monitors.values():
            for name, sessions in self._sessions(monitor):
                found[name] += sessions
        for name, rows in found.items():
            server = self.fleet.servers[name]
            if rows or server.answers.newest.get(pooled_sessions):
                server.runner.supply(pooled_sessions, tuple(rows))

    def _sessions(self, monitor: PoolerMonitor) -> Iterator[tuple[str, list[PooledSession]]]:
        newest = monitor.answers.newest
        connections, clients = newest.get(pooler_servers), newest.get(pooler_clients)
        if not connections:
            return
        known = self.routes(monitor)
        for name in {route.server for route in known}:
            databases = {route.database for route in known if route.server == name}
            held = clients.rows if clients else ()
            yield (
                name,
                list(sessions_behind(monitor.plan.name, connections.rows, held, databases)),
            )


def _places(server: ServerMonitor) -> Iterator[Place]:
    """Yield where a server is, by our settings and by the connection that we have to it."""
    try:
        target = server.plan.target.address.target()
    except (OSError, ValueError):
        return
    for host, port in zip(target.hosts, target.ports, strict=True):
        yield place(host, port)
    if session := server.sessions.any:
        with suppress(OSError, AttributeError):
            peer = session.wire.socket.getpeername()
            if isinstance(peer, tuple):
                yield place(peer[0], peer[1])


def _job(name: str) -> str:
    return f"pooler {name}"
