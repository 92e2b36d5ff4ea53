"""Monitor of one server: queries its lanes, keeps the answers, and judges the findings."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes, comments_by_object
from collectors._base import AnyCollector, Lane
from collectors._catalogue import all_collectors, of_server
from collectors.comments import comments
from monitor.clock import Clock
from monitor.config.watch_plan import WatchPlan
from monitor.connection_report import ConnectionReport
from monitor.defects import DEFECTS
from monitor.derived_rows import DerivedRows
from monitor.judging import Judging
from monitor.planner.visit import PlanVisits
from monitor.polling.agenda import Agenda
from monitor.polling.answers import Answers
from monitor.polling.burst import IN_BURST, LockBurst
from monitor.polling.capability_report import CapabilityReport
from monitor.polling.database_walk import DatabaseWalk
from monitor.polling.databases import Databases
from monitor.polling.leisure import Leisure
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.reader import Place
from monitor.polling.round_log import RoundLog
from monitor.polling.row_keys import RowKeys
from monitor.polling.runner import CollectorRunner
from monitor.polling.upkeep import Upkeep
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.identity import IdentityTracker
from monitor.postgres.session import Session
from monitor.postgres.sessions import Sessions
from monitor.reading import ReadFailure
from monitor.server_events import ServerEvents
from monitor.sources.outlet import Outlet
from monitor.sources.source import Sources

REPORT = 5.0
"""Seconds between two reports of an unchanged connection."""


@dataclass(slots=True)
class ServerMonitor:
    """Server monitor. The scheduler calls `round` for each lane, `visit_databases`, and `pulse`."""

    plan: WatchPlan
    clock: Clock
    peers: Callable[[], Sequence[Snapshot]]
    announce: Callable[[], None]
    """Called when a finding has changed its state."""
    round_log: RoundLog
    identity_tracker: IdentityTracker
    sessions: Sessions
    pacing: Pacing
    answers: Answers
    agenda: Agenda
    runner: CollectorRunner
    privileges: PrivilegeChecks
    databases: Databases
    walk: DatabaseWalk
    upkeep: Upkeep
    burst: LockBurst
    leisure: Leisure
    capabilities: CapabilityReport
    outlet: Outlet
    sources: Sources
    derived: DerivedRows
    row_keys: RowKeys
    judging: Judging
    events: ServerEvents
    plan_visits: PlanVisits
    connection: ConnectionReport
    reported: float = 0.0
    """Unix seconds when all that is reported regularly was reported last."""

    # What the schedule calls.

    async def round(self, lane: Lane, glances: bool = False) -> None:
        """Ask everything of a lane that is due on the server as a whole.

        `glances`: there will be a next round, and a session that waits is worth seeing before it.
        """
        if lane is Lane.fast:
            self.leisure.take()
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

    async def pulse(self) -> None:
        """Every second, whatever the sessions do: report on ourselves, drop old answers, judge."""
        now = self.clock.now()
        is_due = now - self.reported >= REPORT
        with self._contained("connection"):
            await self.connection.report(now, is_due)
        await self.sources.tick(now)
        if is_due:
            self.reported = now
            with self._contained("upkeep"):
                self.upkeep.expire(self.pacing.longest)
        with self._contained("judging"):
            self.judge()

    def _contained(self, part: str) -> AbstractContextManager[None]:
        return DEFECTS.contained(part, server=self.plan.name)

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

    def snapshot(self) -> Snapshot:
        """What is known, without peers; its time is when the newest of it came."""
        return self.answers.shared(self.node, self.clock.now())

    def judge(self) -> None:
        """Judge what reads something fresh."""
        self.events.notice_role()
        fresh = self.answers.take_fresh()
        if fresh.all or not self.judging.verdicts:
            snapshot = self.answers.momentary(self.node, self.clock.now(), self.peers())
            self.derived.derive(fresh.all, snapshot)
            answer = self.answers.newest.get(comments)
            told = comments_by_object(answer.rows if answer else ())
            mutes = Mutes(self.plan.mutes, told)
            if self.judging.judge(fresh.all, snapshot, mutes, fresh.repeated):
                self.announce()
        for collector, rows in self.judging.newly_measured():
            self.outlet.derive(collector, rows)

    def judge_all(self) -> None:
        """Judge everything anew."""
        self.answers.refresh_all(all_collectors().values())
        self.judge()
