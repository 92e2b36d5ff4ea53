"""Monitor of one server: queries its lanes, keeps the answers, and judges the findings."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from alerts._catalogue import all_wants
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.replication.measure import lag_of
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.statements.labels import labels
from alerts.verdicts.mutes import Mutes, comments_by_object
from collectors._base import Absence, AnyCollector, Lane
from collectors._catalogue import all_collectors, of_server
from collectors.activity import activity
from collectors.backend_memory import backend_memory
from collectors.backup_reports import BackupFolder, backup_reports
from collectors.certificate import certificate
from collectors.comments import comments
from collectors.connection import Connection, connection
from collectors.log_counts import log_counts
from collectors.server import server
from collectors.server_log import server_log
from collectors.standby_lag import standby_lag
from collectors.stat_statements import stat_statements
from collectors.statement_labels import statement_labels
from collectors.volumes import volumes
from collectors.wait_statements import wait_statements
from collectors.wal_position import wal_position
from monitor.background import in_background
from monitor.backup_reports.watch import BackupWatch, backup_watch
from monitor.clock import Clock
from monitor.config.watch_plan import WatchPlan
from monitor.defects import DEFECTS
from monitor.heartbeat import Heartbeat
from monitor.judging import Judging
from monitor.polling.agenda import Agenda
from monitor.polling.answers import Answers
from monitor.polling.burst import IN_BURST, LockBurst
from monitor.polling.database_walk import DatabaseWalk
from monitor.polling.databases import Databases
from monitor.polling.free_slots import FreeSlots
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.reader import Place
from monitor.polling.round_log import RoundLog
from monitor.polling.runner import CollectorRunner
from monitor.polling.self_collectors import SelfCollectors
from monitor.polling.sink import Sink
from monitor.polling.slot_probe import SlotProbe
from monitor.polling.upkeep import Upkeep
from monitor.polling.volume_reader import VolumeReader
from monitor.polling.wait_reporter import WaitReporter
from monitor.postgres.backend_memory import MemoryReader
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.identity import IdentityTracker
from monitor.postgres.sessions import Sessions
from monitor.reading import ReadFailure
from monitor.server_events import ServerEvents
from monitor.server_log.watch import LogBook, LogWatch, Seen, log_watch

FIRST_WORD = 1.5
"""Seconds after which a server that has neither answered nor refused counts as not answering."""
PATIENCE = 1.0
"""Seconds that a single check waits for the folder of backup reports."""
ELSEWHERE = Absence(
    "the processes of the server are not visible here", setting="shareProcessNamespace"
)
REPORT = 5.0
"""Seconds between two reports of an unchanged connection."""
ROUNDS = 3
"""Number of them from one report about our own rounds to the next."""


@dataclass(slots=True)
class ServerMonitor:
    """Server monitor. The scheduler calls `round` for each lane, `visit_databases`, and `pulse`."""

    plan: WatchPlan
    clock: Clock
    memory: Memory
    sink: Sink
    peers: Callable[[], Sequence[Snapshot]] = lambda: ()
    moved: Callable[[], None] = lambda: None
    """Called when the server turns out to belong to another cluster."""
    announce: Callable[[], None] = lambda: None
    """Called when a finding has changed its state."""
    heart: Heartbeat = field(default_factory=Heartbeat)
    round_log: RoundLog = field(default_factory=RoundLog)
    identity_tracker: IdentityTracker = field(init=False)
    sessions: Sessions = field(init=False)
    pacing: Pacing = field(init=False)
    answers: Answers = field(init=False)
    slots: FreeSlots = field(init=False)
    agenda: Agenda = field(init=False)
    runner: CollectorRunner = field(init=False)
    privileges: PrivilegeChecks = field(init=False)
    databases: Databases = field(init=False)
    walk: DatabaseWalk = field(init=False)
    upkeep: Upkeep = field(init=False)
    probe: SlotProbe = field(init=False)
    burst: LockBurst = field(init=False)
    own: SelfCollectors = field(init=False)
    volume_reader: VolumeReader = field(init=False)
    memory_reader: MemoryReader = field(default_factory=MemoryReader)
    waits: WaitReporter = field(init=False)
    judging: Judging = field(init=False)
    events: ServerEvents = field(init=False)
    backups: BackupWatch = field(init=False)
    log_watch: LogWatch = field(init=False)
    started: float = 0.0
    reported: float = 0.0
    reports: int = 0

    def __post_init__(self) -> None:
        plan, clock, log = self.plan, self.clock, self.round_log
        self.started = clock.now()
        self.identity_tracker = IdentityTracker(plan.target, self.memory, self.moved)
        self.sessions = Sessions.of(plan, self.heart)
        cluster = self.node.cluster or ""
        recorder = Recorder(all_wants(), self.memory, cluster, plan.name)
        self.answers = Answers(recorder)
        self.slots = FreeSlots(self.answers)
        self.judging = Judging.of(plan, self.memory, recorder)
        self.pacing = Pacing(plan.paces, plan.budget)
        self.agenda = Agenda(clock, self.pacing, log, recorder)
        self.burst = LockBurst(clock, self.answers, recorder, self.pacing, log)
        self.burst.remember(plan.timing.visible)
        self.privileges = PrivilegeChecks(clock, log, plan.hung_deadline)
        self.runner = CollectorRunner.of(
            plan.name,
            clock,
            self.answers,
            self.pacing,
            log,
            self.sink,
            self.judge,
            self.heart,
            plan.hung_deadline,
        )
        files = plan.target.data_directory, plan.target.wal_directory
        self.volume_reader = VolumeReader(clock, *files)
        self.own = SelfCollectors(clock, log, self.pacing, self.privileges, self.runner)
        by_statement = plan.bounds.get(wait_statements.name, 0) > 0
        self.waits = WaitReporter(self.answers, self.runner, by_statement)
        self._wire_walk()
        self.backups = backup_watch(
            plan.target.backup_reports,
            self._supply_backups,
            self._lack_backups,
            plan.paces[Lane.slow],
        )
        folder = plan.target.server_log
        book = LogBook.of(folder, self.memory, plan.name) if folder else None
        self.log_watch = log_watch(book, self._supply_log, self._lack_log, plan.paces[Lane.normal])
        self.events = ServerEvents(
            plan.name,
            self.identity_tracker,
            self.sessions,
            self.answers,
            recorder,
            log,
            self.privileges,
            self.sink,
            self.judging,
            self.walk,
            self.own,
        )

    def _wire_walk(self) -> None:
        clock, log, roaming = self.clock, self.round_log, self.sessions.roaming
        self.upkeep = Upkeep(clock, self.answers, log, self.runner.books, self.sink)
        self.probe = SlotProbe(self.plan.name, roaming)
        self.databases = Databases(
            self.plan.target, self.answers, log, self.pacing, self.privileges
        )
        self.walk = DatabaseWalk(
            self.plan.name,
            clock,
            roaming,
            self.databases,
            self.privileges,
            self.runner,
            self.agenda,
            self.pacing,
            log,
            self.upkeep,
            self.probe,
        )

    # What the schedule calls.

    async def round(self, lane: Lane) -> None:
        """Ask everything of a lane that is due on the server as a whole."""
        asked = (c for c in of_server(lane) if c not in self.pacing.homes)
        await self._ask(lane, [c for c in asked if self.agenda.is_due(c)])
        if lane is Lane.fast:
            await self.burst.follow(partial(self._ask, lane, IN_BURST))

    async def _ask(self, lane: Lane, due: Sequence[AnyCollector]) -> None:
        if not due:
            return
        try:
            session = await self.sessions.for_lane(lane is Lane.fast)
            if self.events.met(session) and lane is not Lane.fast:
                return  # its turn comes soon
            if self.privileges.is_due(lane):
                await self.privileges.on_server(session)
                self.own.supply_privileges(self.node.role)
            place = Place(session, self.privileges.server, self.node.role)
            await self.runner.round(due, place)
        except (ConnectFailure, ReadFailure) as failure:
            await self.events.lost(failure)
            self.judge()

    async def visit_databases(self) -> None:
        """Ask what is due in each database."""
        if (session := self.sessions.any) and self.walk.is_due():
            await self.walk.walk(session, self.node.role)
            self.own.supply_privileges(self.node.role)
            self.judge()

    async def pulse(self) -> None:
        """Every second, whatever the sessions do: report on ourselves, drop old answers, judge."""
        now = self.clock.now()
        is_due = now - self.reported >= REPORT
        if self.sessions.tried or now - self.started > FIRST_WORD:
            with self._contained("connection"):
                await self._report_connection(now, is_due)
        with self._contained("backups"):
            self.backups.tick(now)
        with self._contained("log"):
            self.log_watch.tick(now)
        with self._contained("volumes"):
            self._report_volumes()
        with self._contained("waits"):
            self._report_waits(now)
        if is_due:
            with self._contained("certificate"):
                self._report_certificate()
            with self._contained("memory"):
                await self._report_memory()
            self.reported = now
            if self.reports % ROUNDS == 0:
                with self._contained("rounds"):
                    self.own.supply_rounds(self.node.role)
            self.reports += 1
            with self._contained("upkeep"):
                self.upkeep.expire(self.pacing.longest)
        with self._contained("judging"):
            self.judge()

    def _contained(self, part: str) -> AbstractContextManager[None]:
        return DEFECTS.contained(part, server=self.plan.name)

    def _report_waits(self, now: float) -> None:
        if session := self.sessions.any:
            self.waits.report(now)
            is_here = session.process is not None or self.plan.target.data_directory is not None
            self.waits.report_cores(is_here)

    def _report_volumes(self) -> None:
        """Take what the thread of the volumes has found; the server itself may be down."""
        found = self.volume_reader.poll()
        if isinstance(found, Absence):
            if self.answers.absent.get(volumes) != found:
                self.answers.mark_absent(volumes, None, found)
        elif found is not None:
            self.runner.supply(volumes, tuple(found))

    def _report_certificate(self) -> None:
        if session := self.sessions.any:
            self.runner.supply(certificate, (session.certificate,))

    async def _report_memory(self) -> None:
        """Read the memory of the server's processes, where they are on our host."""
        known, session = self.answers.newest.get(activity), self.sessions.any
        if session is not None and session.process is None:
            if self.answers.absent.get(backend_memory) != ELSEWHERE:
                self.answers.mark_absent(backend_memory, None, ELSEWHERE)
        elif session is not None and known is not None and self.memory_reader.is_due():
            rows = await in_background(self.memory_reader.read, known.rows)
            self.runner.supply(backend_memory, rows)

    async def _report_connection(self, now: float, is_due: bool) -> None:
        """What has changed is reported at once, the same again only when it is due."""
        standing = self.sessions.connection(now)
        if is_due or standing != self.standing:
            self.runner.supply(connection, (standing,))
        if self.sessions.any is None:
            self.events.forget_answers(f"the server does not answer: {standing.message}")
        elif standing.up and (standing.lacks_slots or self.slots.all_taken()):
            await self.probe.make_room(self.sessions.any)
        elif standing.up:
            self.probe.forget()

    async def look_once(self) -> None:
        """Everything once, in order: what `check` does, and how a daemon starts."""
        for lane in Lane:
            await self.round(lane)
        await self.visit_databases()
        self.backups.tick(self.clock.now())
        await self.backups.settled(PATIENCE)
        self.log_watch.tick(self.clock.now())
        await self.log_watch.settled(PATIENCE)
        self.reported = self.reports = 0
        await self.volume_reader.settle()
        await self.pulse()
        await self.judging.settled()

    def _supply_backups(self, folder: BackupFolder) -> None:
        self.runner.supply(backup_reports, (folder,))

    def _lack_backups(self, why: Absence) -> None:
        if self.answers.absent.get(backup_reports) != why:
            self.answers.mark_absent(backup_reports, None, why)

    def _supply_log(self, seen: Seen) -> None:
        self.runner.supply(log_counts, seen.counts)
        self.runner.supply(server_log, (seen.log,))

    def _lack_log(self, why: Absence) -> None:
        for collector in (log_counts, server_log):
            if self.answers.absent.get(collector) != why:
                self.answers.mark_absent(collector, None, why)

    def retune(self, plan: WatchPlan) -> None:
        """Take other limits, mutes or timing: everything is judged by them at once."""
        if plan != self.plan:
            self.plan = plan
            self.judging.retune(plan)
            self.burst.remember(plan.timing.visible)
            self.judge_all()

    async def close(self) -> None:
        await self.sessions.close()

    # What is known.

    @property
    def node(self) -> ServerIdentity:
        return self.identity_tracker.node

    @property
    def timeline(self) -> int | None:
        answer = self.answers.newest.get(server)
        return answer.rows[0].timeline if answer and answer.rows else None

    @property
    def standing(self) -> Connection | None:
        """How the conversation stands; None before there is anything to say."""
        answer = self.answers.newest.get(connection)
        return answer.rows[0] if answer else None

    def set_paces(self) -> dict[str, float]:
        """Seconds between two queries of each collector if nothing makes them rarer."""
        collectors = all_collectors().values()
        return {one.name: self.pacing.unstretched(one) for one in collectors}

    def snapshot(self) -> Snapshot:
        """What is known, without peers; its time is when the newest of it came."""
        return self.answers.shared(self.node, self.clock.now())

    def judge(self) -> None:
        """Judge what reads something fresh."""
        self.events.notice_role()
        fresh = self.answers.take_fresh()
        if fresh or not self.judging.verdicts:
            snapshot = self.answers.snapshot(self.node, self.clock.now(), self.peers())
            if wal_position in fresh:
                self._report_lag(snapshot)
            if self.plan.statement_texts and stat_statements in fresh:
                self._label_statements(snapshot)
            answer = self.answers.newest.get(comments)
            told = comments_by_object(answer.rows if answer else ())
            if self.judging.judge(fresh, snapshot, Mutes(self.plan.mutes, told)):
                self.announce()
        for collector, rows in self.judging.newly_measured():
            self.runner.supply(collector, rows)
            self.answers.fresh.discard(collector)

    def _report_lag(self, snapshot: Snapshot) -> None:
        """What has changed is reported at once, the same again only when it is due."""
        lag, known = lag_of(snapshot), self.answers.newest.get(standby_lag)
        is_news = known is None or known.rows[0] != lag or snapshot.at - known.at >= REPORT
        if lag and is_news:
            self.runner.supply(standby_lag, (lag,))
            self.answers.fresh.discard(standby_lag)

    def _label_statements(self, snapshot: Snapshot) -> None:
        """Put the texts of the statements with series into the metrics."""
        if snapshot.has(stat_statements):
            most = self.plan.bounds.get(stat_statements.name)
            self.runner.supply(statement_labels, tuple(labels(snapshot, most)))
            self.answers.fresh.discard(statement_labels)

    def judge_all(self) -> None:
        """Judge everything anew."""
        self.answers.fresh.update(all_collectors().values())
        self.judge()
