"""Fleet: all watched servers, their peers, and the views for pages."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from alerts._catalogue import findings_about
from alerts.history.memory import Memory
from alerts.locks.order import LOCK_ORDER
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector, Kind
from collectors._catalogue import all_collectors
from collectors.server import server as server_row
from monitor.clock import Clock
from monitor.config.watch_plan import WatchPlan
from monitor.crowding import Crowding
from monitor.defects import DEFECTS
from monitor.exposition.server_pages import ServerPages
from monitor.exposition.store import Store
from monitor.heartbeat import Heartbeat
from monitor.judging import unknown
from monitor.polling.sink import Sink
from monitor.scheduler import Schedule
from monitor.server import ServerMonitor
from monitor.server_assembly import server_monitor
from monitor.sources.rounds import sum_up
from monitor.views.lock_tree import lock_view
from monitor.views.old_facts import old_facts
from monitor.views.overview import CollectorView, QueueNumbers, ServerView
from monitor.views.renewal import renewal
from monitor.views.unread import unread
from monitor.views.wait_hour import wait_hour


@dataclass(slots=True)
class Fleet:
    """Monitors of all watched servers; those whose plan does not change are kept."""

    clock: Clock
    memory: Memory
    store: Store
    schedule: Schedule | None = None
    servers: dict[str, ServerMonitor] = field(default_factory=dict)
    pages: dict[str, ServerPages] = field(default_factory=dict)
    heart: Heartbeat = field(default_factory=Heartbeat)
    crowding: Crowding = field(default_factory=Crowding)
    announce: Callable[[str], None] = lambda name: None
    """Called when a finding of that server has changed its state, to publish it at once."""
    _clusters: dict[str | None, list[ServerMonitor]] = field(default_factory=dict)
    """All servers by their cluster, for each judgement; empty: to be made anew."""

    async def follow(self, plans: Iterable[WatchPlan]) -> None:
        """Watch exactly these servers. Neither this nor `begin_anew` runs twice at once."""
        self.heart.start()
        wanted = {plan.name: plan for plan in plans}
        for name, server in list(self.servers.items()):
            plan = wanted.get(name)
            if plan is not None and plan.same_watch(server.plan):
                server.retune(plan)
                await asyncio.sleep(0)  # all findings of it are judged: others have their turn
            else:
                await self._stop(self.servers.pop(name))
        for name, plan in wanted.items():
            if name not in self.servers:
                self._start(plan, len(wanted))

    async def begin_anew(self) -> None:
        """Watch as after a restart: sessions and rows are new, history is kept."""
        for name, server in list(self.servers.items()):
            await self._stop(server)
            self._start(self.servers.pop(name).plan, len(self.servers) + 1)

    def _start(self, plan: WatchPlan, fleet: int) -> None:
        name = plan.name
        pages = self.pages[name] = ServerPages(self.store, name, plan.bounds)
        server = server_monitor(
            plan,
            self.clock,
            self.memory,
            Sink(pages.put, pages.drop),
            peers=partial(self._peers, name),
            moved=self._clusters.clear,
            announce=partial(self.announce, name),
            heart=self.heart,
        )
        self.servers[name] = server
        self._clusters.clear()
        if self.schedule:
            self.schedule.watch(server, fleet)

    async def _stop(self, server: ServerMonitor) -> None:
        if self.schedule:
            self.schedule.forget(server)
        self._clusters.clear()
        await server.close()
        self.pages.pop(server.plan.name).close()

    async def close(self) -> None:
        """Close all sessions at once: a server that hangs does not delay the others."""
        self.heart.stop()
        await asyncio.gather(
            *(server.close() for server in self.servers.values()), return_exceptions=True
        )

    async def spare_the_loop(self) -> None:
        """Ask all servers more rarely, as far as the event loop has too little time for them."""
        self.crowding.look(self.heart.shares.run, time.monotonic())
        for server in self.servers.values():
            server.pacing.crowded(self.crowding.factor)

    def _peers(self, name: str) -> Sequence[Snapshot]:
        """Return snapshots of the other servers of the same cluster."""
        # A round may still end after a reload has removed its server.
        asking = self.servers.get(name)
        cluster = asking.node.cluster if asking else None
        if cluster is None:
            return ()
        if not self._clusters:
            for server in self.servers.values():
                self._clusters.setdefault(server.node.cluster, []).append(server)
        members = self._clusters[cluster]
        return [server.snapshot() for server in members if server is not asking]

    def views(self) -> tuple[ServerView, ...]:
        return tuple(seen(server) for server in self.servers.values())

    async def written_views(
        self, names: Collection[str] | None = None
    ) -> tuple[tuple[ServerView, ...], float]:
        """Views whose lines are in the store already, and the seconds that it took to make them.

        Of these servers, or of all. Others have their turn between two servers, so that the loop
        never stands still for all.
        """
        views, took = [], 0.0
        for name, server in list(self.servers.items()):
            if names is not None and name not in names:
                continue
            if self.servers.get(name) is not server:  # removed since the last one had its turn
                continue
            begun = time.monotonic()
            views.append(self.written_view(server))
            took += time.monotonic() - begun
            await asyncio.sleep(0)
        return tuple(views), took

    def written_view(self, server: ServerMonitor) -> ServerView:
        """The view of one server, with its lines in the store."""
        made = seen(server)
        self.store.renew_own(made)
        return made


def seen(server: ServerMonitor) -> ServerView:
    """Return the state of one server; where a defect hides it, everything about it is unknown."""
    try:
        return view(server)
    except Exception as defect:
        DEFECTS.note("view", defect, server=server.plan.name)
        findings = findings_about(Kind.postgres)
        verdicts = {
            name: unknown(finding, server.clock.now(), defect) for name, finding in findings.items()
        }
        return ServerView(server.plan.name, server.node, verdicts=verdicts)


def view(server: ServerMonitor) -> ServerView:
    """Return the current state of one server."""
    standing = server.connection.standing
    identity = server.identity_tracker.identity
    pacing, collectors = server.pacing, all_collectors().values()
    paces = {collector: pacing.of(collector) for collector in collectors}
    set_paces = {collector.name: pacing.unstretched(collector) for collector in collectors}
    verdicts, snapshot = dict(server.judging.verdicts), server.snapshot()
    return ServerView(
        name=server.plan.name,
        node=server.node,
        up=bool(standing and standing.up),
        unreachable=None if standing is None or standing.up else standing.cause,
        can_connect=standing.can_connect if standing else None,
        connect_failure=standing.connect_cause if standing else None,
        timeline=_timeline(server),
        server_version=identity.version_text if identity else None,
        sessions=server.sessions.open_now(),
        server_time=server.round_log.elapsed,
        server_work=server.round_log.work,
        rounds_left_out=server.round_log.rounds_left_out,
        stretches={lane.value: by for lane, by in pacing.stretches().items()},
        verdicts=verdicts,
        collectors=tuple(_collector(c, server, pace) for c, pace in paces.items() if c.sql),
        databases=server.databases.names,
        unread=unread(server.answers, server.databases, identity),
        old=old_facts(verdicts.values(), set_paces, server.clock.now()),
        renewal=renewal(verdicts.values(), paces, server.clock.now()),
        locks=lock_view(snapshot),
        snapshot=snapshot,
        queues=queue_numbers(server),
        waits=wait_hour(server.snapshot()),
    )


def _timeline(server: ServerMonitor) -> int | None:
    answer = server.answers.newest.get(server_row)
    return answer.rows[0].timeline if answer and answer.rows else None


def queue_numbers(server: ServerMonitor) -> QueueNumbers | None:
    learned = server.answers.recorder.view(LOCK_ORDER, server.clock.now())
    traffic = server.burst.traffic
    if learned is None or learned.learned_at is None:
        return None
    return QueueNumbers(
        interval=server.burst.interval,
        remembered=learned.size,
        most=traffic.most,
        waiting_seconds=traffic.waiting_seconds,
        chain_seconds=traffic.chain_seconds,
        fan_in_seconds=traffic.fan_in_seconds,
    )


def _collector(collector: AnyCollector, server: ServerMonitor, pace: float) -> CollectorView:
    entry = sum_up(server.round_log.parts(collector))
    return CollectorView(
        name=collector.name,
        lane=collector.lane.value,
        pace=pace,
        last_success=entry.succeeded,
        duration=entry.duration,
        rows=entry.rows,
        left_out=entry.left_out,
        is_bounded=collector.bound is not None,
        duplicates=entry.duplicates,
        error=entry.error,
        is_absent=entry.is_expected,
    )
