"""One watched server: its lanes ask, its facts fill and leave, its findings are judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from alerts._catalogue import all_wants
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes, comments_by_object
from collectors._base import AnyCollector, Lane, Scope
from collectors._catalogue import all_collectors, of_server
from collectors.capabilities import capabilities
from collectors.comments import comments
from collectors.connection import Connection, connection
from collectors.server import server as server_collector
from collectors.wal_position import wal_position
from monitor.clock import Clock
from monitor.config.watch_plan import WatchPlan
from monitor.judging import Judging
from monitor.polling.answers import Answers
from monitor.polling.burst import LOOK, LockBurst
from monitor.polling.database_walk import DatabaseWalk
from monitor.polling.free_slots import slots_taken
from monitor.polling.pacing import Pacing
from monitor.polling.runner import CollectorRunner
from monitor.polling.self_collectors import capability_rows, round_rows
from monitor.polling.sink import Sink
from monitor.postgres.errors import ConnectFailure, QueryFailure
from monitor.postgres.identity import IdentityChange, IdentityTracker
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Identity, Session
from monitor.postgres.sessions import Sessions

log = structlog.get_logger("pgvigil")
FIRST_WORD = 1.5
"""Seconds after which a server that has neither answered nor refused counts as not answering."""
REPORT = 5.0
"""Seconds between two reports about our own rounds."""


@dataclass(slots=True)
class ServerMonitor:
    """What the schedule calls: `round` per lane, `visit_databases`, and `pulse` each second."""

    plan: WatchPlan
    clock: Clock
    memory: Memory
    show: Sink
    drop: Callable[[AnyCollector | None, str | None], None]
    """Takes what is shown away again: of one collector or of all, of one database or of all."""
    peers: Callable[[], Sequence[Snapshot]] = lambda: ()
    announce: Callable[[], None] = lambda: None
    """Called when a finding has changed its state."""
    identity_tracker: IdentityTracker = field(init=False)
    sessions: Sessions = field(init=False)
    runner: CollectorRunner = field(init=False)
    judging: Judging = field(init=False)
    walk: DatabaseWalk = field(init=False)
    fast_lane: LockBurst = field(init=False)
    rights: Privileges | None = None
    started: float = 0.0
    last_failure: str | None = None
    """Why there was no session; said once, until there is one again."""
    reported: float = 0.0

    def __post_init__(self) -> None:
        plan = self.plan
        self.identity_tracker = IdentityTracker(plan.target, self.memory)
        system, paces = self.node.system_identifier or "", Pacing(plan.paces, plan.budget)
        facts = Answers(Recorder(all_wants(), self.memory, system, plan.name))
        self.sessions, hung = Sessions.of(plan), plan.hung_deadline
        self.runner = CollectorRunner(
            plan.name, self.clock, facts, paces, hung, self.show, self.drop
        )
        self.fast_lane = LockBurst(self.runner)
        self.fast_lane.remember(plan.timing.visible)
        self.judging = Judging.of(plan, self.memory)
        self.walk = DatabaseWalk(plan, self.sessions.tour, self.runner)
        self.started = self.clock.now()

    # What the schedule calls.
    async def round(self, lane: Lane) -> None:
        """Ask everything of a lane that is due on the server as a whole."""
        due = (c for c in of_server(lane) if self.runner.due(c))
        await self._ask(lane, [c for c in due if c not in self.runner.paces.walked])
        if lane is Lane.fast:
            await self.fast_lane.follow(partial(self._ask, lane, LOOK))

    async def _ask(self, lane: Lane, due: Sequence[AnyCollector]) -> None:
        if not due:
            return
        try:
            session = await self.sessions.for_lane(lane is Lane.fast)
            self._meet(session)
            self.last_failure = None
            often = lane is Lane.normal and self.rights and not self.rights.complete
            if self.rights is None or lane is Lane.slow or often:
                await self._probe_rights(session)
            for collector in due:
                if not self.runner.gated(collector):
                    await self.runner.ask(collector, session, self.rights, self.node.role)
        except (ConnectFailure, QueryFailure) as failure:
            await self._lost(failure)
        self._notice_role()
        self.judge()

    async def visit_databases(self) -> None:
        """Ask what is due in each database."""
        if (session := self.sessions.any) and self.walk.is_due():
            await self.walk.all_databases(session, self.node.role, self.rights)
            self._report_rights()
            self.judge()

    async def pulse(self) -> None:
        """Every second, whatever the sessions do: report on ourselves, let old facts go, judge."""
        now = self.clock.now()
        if self.sessions.connector.tried or now - self.started > FIRST_WORD:
            standing = self.sessions.connection(now)
            self.runner.supply(connection, (standing,))
            if self.sessions.any is None:
                self._forget_facts(f"the server does not answer: {standing.message}")
            elif standing.up and (standing.lacks_slots or slots_taken(self.facts)):
                await self.walk.make_room(self.sessions.any)
        if now - self.reported >= REPORT:
            self.reported = now
            self.runner.supply(*round_rows(self.runner, self.collectors(), self.node.role, now))
        for collector, database in self.facts.expire(self.runner.paces.longest, now):
            self.drop(collector, database)
            self.runner.fresh.add(collector)
        self.judge()

    async def look_once(self) -> None:
        """Everything once, in order: what `check` does, and how a daemon starts."""
        for lane in Lane:
            await self.round(lane)
        await self.visit_databases()
        self.reported = 0.0
        await self.pulse()
        await self.judging.settled()

    def retune(self, plan: WatchPlan) -> None:
        """Other limits, mutes or timing: everything is judged by them at the next pulse."""
        if plan != self.plan:
            self.plan = self.judging.plan = plan
            self.judging.tracker.timing = plan.timing
            self.fast_lane.remember(plan.timing.visible)
            self.judge_all()

    async def close(self) -> None:
        await self.sessions.close()

    # What is known.

    @property
    def node(self) -> ServerIdentity:
        return self.identity_tracker.node

    @property
    def identity(self) -> Identity | None:
        return self.identity_tracker.identity

    @property
    def standing(self) -> Connection | None:
        """How the conversation stands; None before there is anything to say."""
        answer = self.facts.answers.get(connection)
        return answer.rows[0] if answer else None

    @property
    def timeline(self) -> int | None:
        answer = self.facts.answers.get(server_collector)
        return answer.rows[0].timeline if answer and answer.rows else None

    @property
    def facts(self) -> Answers:
        return self.runner.facts

    def collectors(self) -> list[AnyCollector]:
        return list(all_collectors().values())

    def snapshot(self) -> Snapshot:
        return self.facts.snapshot(self.node, self.clock.now())

    def judge(self) -> None:
        """Judge anew what reads something fresh."""
        fresh, self.runner.fresh = self.runner.fresh, set()
        if fresh or not self.judging.verdicts:
            snapshot = self.facts.snapshot(self.node, self.clock.now(), self.peers())
            if self.judging.judge(fresh, snapshot, self._mutes()):
                self.announce()

    def judge_all(self) -> None:
        self.runner.fresh |= set(self.collectors())
        self.judge()

    # What happens to a server.

    def _meet(self, session: Session) -> None:
        if not session.met:
            session.met, self.rights = True, None
            self.runner.round_log.forgive()
            self._react(self.identity_tracker.meet(session.identity))

    def _react(self, news: IdentityChange) -> None:
        """Whatever was counted on another server, or in another role, says nothing of this one."""
        if IdentityChange.another in news:
            self.judging.tracker.files.clear()
            self.facts.recorder.cluster = self.node.system_identifier or ""
        if IdentityChange.restarted in news or IdentityChange.role in news:
            self._forget_facts("the server was restarted or has changed its role")
            self.facts.recorder.restart()
            self.runner.round_log.forget_times()
            self._report_rights()
            self.walk.in_vain = True

    def _notice_role(self) -> None:
        """The fast lane sees a promotion within a second."""
        answer = self.facts.answers.get(wal_position)
        if answer and answer.rows:
            self._react(self.identity_tracker.notice(answer.rows[0].in_recovery))

    async def _lost(self, failure: ConnectFailure | QueryFailure) -> None:
        if isinstance(failure, QueryFailure):
            await self.sessions.drop_silent()
        if failure.message != self.last_failure:
            log.info("no session", server=self.plan.name, reason=failure.message)
        self.last_failure = failure.message

    def _forget_facts(self, why: str) -> None:
        told = (c for c in self.collectors() if c.sql or c is capabilities)
        gone = self.facts.clear(told, why)
        for collector in gone:
            self.drop(collector, None)
        self.runner.fresh |= gone

    async def _probe_rights(self, session: Session) -> None:
        needs = {need for c in self.collectors() if c.scope is Scope.server for need in c.needs}
        before, self.rights = (
            self.rights,
            await Privileges.probe(session, needs, self.runner.deadline),
        )
        if before and before.granted != self.rights.granted:
            self.runner.round_log.forgive()
        self._report_rights()

    def _report_rights(self) -> None:
        if self.rights:
            known = self.rights, self.walk.rights
            self.runner.supply(*capability_rows(*known, self.collectors(), self.node.role))

    def _mutes(self) -> Mutes:
        answer = self.facts.answers.get(comments)
        return Mutes(self.plan.mutes, comments_by_object(answer.rows if answer else ()))
