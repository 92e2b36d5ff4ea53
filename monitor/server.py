"""Monitor of one server: queries its lanes, keeps the answers, and judges the findings."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from alerts._catalogue import all_wants
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes, comments_by_object
from collectors._base import AnyCollector, Lane
from collectors._catalogue import all_collectors, of_server
from collectors.comments import comments
from collectors.connection import Connection, connection
from collectors.index_advice import IndexAdvice, index_advice
from collectors.plans import StatementPlan, plans
from collectors.server import server
from monitor.clock import Clock
from monitor.config.watch_plan import WatchPlan
from monitor.defects import DEFECTS
from monitor.derived_rows import DerivedRows
from monitor.heartbeat import Heartbeat
from monitor.judging import Judging
from monitor.planner.advice_book import AdviceBook
from monitor.planner.visit import PlanVisits
from monitor.polling.agenda import Agenda
from monitor.polling.answers import Answers
from monitor.polling.burst import IN_BURST, LockBurst
from monitor.polling.capability_report import CapabilityReport
from monitor.polling.database_walk import DatabaseWalk
from monitor.polling.databases import Databases
from monitor.polling.free_slots import FreeSlots
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.reader import Place
from monitor.polling.round_log import RoundLog
from monitor.polling.row_keys import RowKeys
from monitor.polling.runner import CollectorRunner
from monitor.polling.sink import Sink
from monitor.polling.slot_probe import SlotProbe
from monitor.polling.upkeep import Upkeep
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.identity import IdentityTracker
from monitor.postgres.session import Session
from monitor.postgres.sessions import Sessions
from monitor.reading import ReadFailure
from monitor.server_events import ServerEvents
from monitor.sources._catalogue import all_sources
from monitor.sources.outlet import Outlet
from monitor.sources.source import Sources

FIRST_WORD = 1.5
"""Seconds after which a server that has neither answered nor refused counts as not answering."""
REPORT = 5.0
"""Seconds between two reports of an unchanged connection."""


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
    capabilities: CapabilityReport = field(init=False)
    outlet: Outlet = field(init=False)
    sources: Sources = field(init=False)
    derived: DerivedRows = field(init=False)
    row_keys: RowKeys = field(init=False)
    judging: Judging = field(init=False)
    events: ServerEvents = field(init=False)
    plan_visits: PlanVisits = field(init=False)
    started: float = 0.0
    reported: float = 0.0

    def __post_init__(self) -> None:
        self.started = self.clock.now()
        self.identity_tracker = IdentityTracker(self.plan.target, self.memory, self.moved)
        self.sessions = Sessions.of(self.plan, self.heart)
        recorder = Recorder(all_wants(), self.memory, self.node.cluster or "", self.plan.name)
        self._wire_judging(recorder)
        self._wire_rounds(recorder)
        self._wire_walk()
        self._wire_supplies()
        self._wire_events(recorder)

    def _wire_judging(self, recorder: Recorder) -> None:
        self.answers = Answers(recorder)
        self.slots = FreeSlots(self.answers)
        self.judging = Judging.of(self.plan, self.memory, recorder)

    def _wire_rounds(self, recorder: Recorder) -> None:
        """What asks the server as a whole."""
        plan, clock, log = self.plan, self.clock, self.round_log
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

    def _wire_walk(self) -> None:
        """What asks in each database, in the turn of the roaming session."""
        clock, log, roaming = self.clock, self.round_log, self.sessions.roaming
        self.upkeep = Upkeep(clock, self.answers, log, self.runner.books, self.sink)
        self.probe = SlotProbe(self.plan.name, roaming)
        self.row_keys = RowKeys(
            self.plan.name, clock, self.answers, self.pacing, log, roaming, self.runner
        )
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

    def _wire_supplies(self) -> None:
        """What brings rows otherwise than by the queries of collectors."""
        plan, clock, log = self.plan, self.clock, self.round_log
        self.capabilities = CapabilityReport(self.privileges, self.runner)
        self.outlet = Outlet(self.answers, self.runner)
        self.derived = DerivedRows(plan, self.outlet)
        self.sources = all_sources(
            plan,
            clock,
            self.memory,
            self.outlet,
            self.sessions,
            self.identity_tracker,
            log,
            self.pacing,
        )
        self.plan_visits = PlanVisits(
            plan.name,
            clock,
            self.sessions.for_plans,
            self.sessions.roaming,
            log,
            self._supply_plans,
            lambda why: self.outlet.lack(why, plans, index_advice),
            plan.paces[Lane.slow],
            AdviceBook.of(self.memory, plan.name),
        )

    def _wire_events(self, recorder: Recorder) -> None:
        """What reacts to another server, another role or a lost session."""
        self.events = ServerEvents(
            self.plan.name,
            self.identity_tracker,
            self.sessions,
            self.answers,
            recorder,
            self.round_log,
            self.privileges,
            self.sink,
            self.judging,
            self.walk,
            self.capabilities,
        )

    # What the schedule calls.

    async def round(self, lane: Lane, glances: bool = False) -> None:
        """Ask everything of a lane that is due on the server as a whole.

        `glances`: there will be a next round, and a session that waits is worth seeing before it.
        """
        asked = (c for c in of_server(lane) if c not in self.pacing.homes)
        await self._ask(lane, [c for c in asked if self.agenda.is_due(c)])
        if lane is Lane.fast:
            read = partial(self._ask, lane, IN_BURST)
            await self.burst.follow(read, self._sees_a_wait if glances else None)

    async def _sees_a_wait(self) -> bool:
        """Whether a session waits for a lock now, as far as there is a session to ask on."""
        session = self.sessions.any
        if session is None or session.lost:
            return False
        return await self.burst.glance.sees_a_wait(session, self.runner.deadline)

    async def _ask(self, lane: Lane, due: Sequence[AnyCollector]) -> None:
        if not due:
            return
        try:
            session = await self.sessions.for_lane(lane is Lane.fast)
            if self.events.met(session) and lane is not Lane.fast:
                return  # its turn comes soon
            if self.privileges.is_due(lane):
                await self.privileges.on_server(session)
                self.capabilities.supply(self.node.role)
            place = Place(session, self.privileges.server, self.node.role)
            await self.runner.round(due, place)
            if lane is Lane.fast:
                self.row_keys.follow(session)
        except (ConnectFailure, ReadFailure) as failure:
            await self.events.lost(failure)
            self.judge()

    async def visit_databases(self) -> None:
        """Ask what is due in each database."""
        if (session := self.sessions.any) and self.walk.is_due():
            await self.walk.walk(session, self.node.role)
            self.capabilities.supply(self.node.role)
            self.judge()
        if session and not session.lost and self.plan_visits.is_due():
            await self._visit_for_plans(session)

    async def _visit_for_plans(self, session: Session) -> None:
        """Ask the planner what is due."""
        await self.plan_visits.visit(self.snapshot(), session)
        self.judge()

    def _supply_plans(self, rows: Sequence[StatementPlan], advice: Sequence[IndexAdvice]) -> None:
        self.outlet.supply(plans, rows)
        self.outlet.supply(index_advice, advice)

    async def pulse(self) -> None:
        """Every second, whatever the sessions do: report on ourselves, drop old answers, judge."""
        now = self.clock.now()
        is_due = now - self.reported >= REPORT
        if self.sessions.tried or now - self.started > FIRST_WORD:
            with self._contained("connection"):
                await self._report_connection(now, is_due)
        await self.sources.tick(now)
        if is_due:
            self.reported = now
            with self._contained("upkeep"):
                self.upkeep.expire(self.pacing.longest)
        with self._contained("judging"):
            self.judge()

    def _contained(self, part: str) -> AbstractContextManager[None]:
        return DEFECTS.contained(part, server=self.plan.name)

    async def _report_connection(self, now: float, is_due: bool) -> None:
        """What has changed is reported at once, the same again only when it is due."""
        await self.sessions.leave_if_stopping()
        standing = self.sessions.connection(now)
        if is_due or standing != self.standing:
            self.runner.supply(connection, (standing,))
        if self.sessions.any is None:
            why = f": {standing.message}" if standing.message else ""  # not told yet
            self.events.forget_answers(f"the server does not answer{why}")
        elif standing.up and (standing.lacks_slots or self.slots.all_taken()):
            await self.probe.make_room(self.sessions.any)
        elif standing.up:
            self.probe.forget()

    async def look_once(self) -> None:
        """Everything once, in order: what `check` does."""
        self.walk.is_only = True
        for lane in Lane:
            await self.round(lane)
        await self.visit_databases()
        await self.sources.look_once(self.clock.now())
        self.reported = 0.0
        await self.pulse()
        await self.judging.settled()
        if self.plan.target.plans and (session := self.sessions.any):
            await self._visit_for_plans(session)
            await self.judging.settled()

    def retune(self, plan: WatchPlan) -> None:
        """Take other limits, mutes or timing: everything is judged by them at once."""
        self.databases.target = plan.target
        if plan != self.plan:
            self.plan = plan
            self.judging.retune(plan)
            self.burst.remember(plan.timing.visible)
            self.judge_all()

    async def close(self) -> None:
        await self.row_keys.close()
        await self.sources.close()
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
            snapshot = self.answers.momentary(self.node, self.clock.now(), self.peers())
            self.derived.derive(fresh, snapshot)
            answer = self.answers.newest.get(comments)
            told = comments_by_object(answer.rows if answer else ())
            if self.judging.judge(fresh, snapshot, Mutes(self.plan.mutes, told)):
                self.announce()
        for collector, rows in self.judging.newly_measured():
            self.outlet.derive(collector, rows)

    def judge_all(self) -> None:
        """Judge everything anew."""
        self.answers.fresh.update(all_collectors().values())
        self.judge()
