"""Monitor of one pooler: has its console asked and its log read, and judges the findings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from alerts._catalogue import all_wants, findings_about
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Kind, Lane
from collectors.pooler_connection import pooler_connection
from collectors.pooler_databases import pooler_databases
from collectors.pooler_log import PoolerLog, pooler_log
from collectors.pooler_routes import PoolerRoute, pooler_routes
from monitor.clock import Clock
from monitor.config.poolers import PoolerPlan
from monitor.defects import DEFECTS
from monitor.folder_watch import FolderWatch
from monitor.heartbeat import Heartbeat
from monitor.pgbouncer.command_runner import CommandRunner
from monitor.pgbouncer.log_watch import PoolerLogBook, pooler_log_watch
from monitor.pgbouncer.standing_console import StandingConsole
from monitor.polling.answers import Answers
from monitor.polling.sink import Sink

REPORT = 5.0
"""Seconds between two reports of an unchanged connection."""
PATIENCE = 2.0
"""Seconds that a single look waits for the log."""


@dataclass(slots=True)
class PoolerMonitor:
    """Pooler monitor. The scheduler calls `tick`."""

    plan: PoolerPlan
    clock: Clock
    memory: Memory
    sink: Sink
    peers: Callable[["PoolerMonitor"], Sequence[Snapshot]] = lambda pooler: ()
    """Snapshots of the servers behind it, and of the other poolers before these."""
    routes: Callable[["PoolerMonitor"], tuple[PoolerRoute, ...]] = lambda pooler: ()
    heart: Heartbeat = field(default_factory=Heartbeat)
    answers: Answers = field(init=False)
    tracker: VerdictTracker = field(init=False)
    log_watch: FolderWatch[PoolerLog] = field(init=False)
    console: StandingConsole = field(init=False)
    runner: CommandRunner = field(init=False)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    reported: float = 0.0

    def __post_init__(self) -> None:
        recorder = Recorder(all_wants(Kind.pgbouncer), self.memory, "", self.plan.name)
        self.answers = Answers(recorder)
        self.console = StandingConsole(self.plan, self.clock, self.heart)
        self.runner = CommandRunner(self.plan, self.clock, self.console, self.answers, self.sink)
        self.tracker = VerdictTracker(self.memory, self.plan.timing)
        path = self.plan.log
        book = PoolerLogBook.of(path, self.memory, self.plan.name) if path else None
        pace = self.plan.paces[Lane.normal]
        self.log_watch = pooler_log_watch(book, self._supply_log, self._lack_log, pace)

    @property
    def node(self) -> ServerIdentity:
        return ServerIdentity(self.plan.name)

    async def tick(self) -> None:
        """Ask what is due, report on the connection, drop old answers, judge."""
        await self.runner.round()
        with DEFECTS.contained("log", server=self.plan.name):
            self.log_watch.tick(self.clock.now())
        self._report()
        self.runner.expire()
        self.judge()

    async def look_once(self) -> None:
        """Ask everything once and judge."""
        self.log_watch.tick(self.clock.now())
        await self.log_watch.settled(PATIENCE)
        await self.tick()

    async def look_anew(self) -> None:
        """Ask everything once more, due or not."""
        self.runner.begin_anew()
        await self.tick()

    def _supply_log(self, seen: PoolerLog) -> None:
        self.runner.supply(pooler_log, (seen,))

    def _lack_log(self, why: Absence) -> None:
        self.runner.lack(pooler_log, why)

    def _report(self) -> None:
        """What has changed is reported at once, the same again only when it is due."""
        row, now = self.console.report(), self.clock.now()
        known = self.answers.newest.get(pooler_connection)
        is_news = known is None or known.rows[0].up != row.up or known.rows[0].cause != row.cause
        if is_news or now - self.reported >= REPORT:
            self.reported = now
            self.runner.supply(pooler_connection, (row,))

    def snapshot(self, peers: Sequence[Snapshot] = ()) -> Snapshot:
        """What is known now, and of whom else the judges may read."""
        return self.answers.snapshot(self.node, self.clock.now(), peers)

    def judge(self) -> None:
        """Judge what reads something fresh; at first everything."""
        self._tell_routes()
        fresh = self.answers.take_fresh().all
        if not fresh and self.verdicts:
            return
        snapshot, mutes = self.snapshot(self.peers(self)), Mutes(self.plan.mutes)
        for name, finding in findings_about(Kind.pgbouncer).items():
            known = self.plan.limits.get(name, finding.limits)
            with DEFECTS.contained("judging", server=self.plan.name, finding=name):
                self.verdicts[name] = self.tracker.decide(finding, snapshot, known, mutes)
        while self.tracker.defects:
            finding, defect = self.tracker.defects.pop(0)
            DEFECTS.note("judge", defect, server=self.plan.name, finding=finding.name)

    def _tell_routes(self) -> None:
        """Say anew where its databases lead, as often as they are asked, or when it changes."""
        if pooler_databases in self.answers.newest:
            known, told = self.answers.newest.get(pooler_routes), self.routes(self)
            is_due = pooler_databases in self.answers.fresh
            if known is None or is_due or tuple(known.rows) != told:
                self.runner.supply(pooler_routes, told)

    def judge_all(self) -> None:
        """Judge everything anew."""
        self.answers.fresh.add(pooler_connection)
        self.judge()

    def retune(self, plan: PoolerPlan) -> None:
        """Take other limits, mutes or timing: everything is judged by them at once."""
        if plan != self.plan:
            self.plan, self.tracker.timing = plan, plan.timing
            self.judge_all()

    async def close(self) -> None:
        await self.console.close()
