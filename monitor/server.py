"""One watched server: its lanes ask, its facts fill and leave, its findings are judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from alerts._catalogue import all_wants
from alerts.memory import Memory
from alerts.mutes import Mutes, comments_by_object
from alerts.recollection import Recollection
from alerts.snapshot import Node, Snapshot
from collectors._base import Collector, Lane, Scope
from collectors._catalogue import all_collectors, of_server
from collectors.capabilities import capabilities
from collectors.comments import comments
from collectors.connection import Connection, connection
from collectors.server import server as server_collector
from collectors.wal_position import wal_position
from monitor.clock import Clock
from monitor.conversation.failures import ConnectFailure, QueryFailure
from monitor.conversation.rights import Rights
from monitor.conversation.session import Identity, Session
from monitor.facts import Facts
from monitor.fast_lane import LOOK, FastLane
from monitor.judging import Judging
from monitor.pace import Paces
from monitor.plan import Plan
from monitor.recognition import News, Recognition
from monitor.rounds import Rounds, Sink
from monitor.self_report import capability_rows, round_rows
from monitor.sessions import Sessions
from monitor.slots import slots_taken
from monitor.walk import Walk

log = structlog.get_logger("pgvigil")
FIRST_WORD = 1.5
"""Seconds after which a server that has neither answered nor refused counts as not answering."""
REPORT = 5.0
"""Seconds between two reports about our own rounds."""


@dataclass(slots=True)
class Server:
    """What the schedule calls: `round` per lane, `visit_databases`, and `pulse` each second."""

    plan: Plan
    clock: Clock
    memory: Memory
    show: Sink
    drop: Callable[[Collector[Any] | None, str | None], None]
    """Takes what is shown away again: of one collector or of all, of one database or of all."""
    peers: Callable[[], Sequence[Snapshot]] = lambda: ()
    announce: Callable[[], None] = lambda: None
    """Called when a finding has changed its state."""
    recognition: Recognition = field(init=False)
    sessions: Sessions = field(init=False)
    rounds: Rounds = field(init=False)
    judging: Judging = field(init=False)
    walk: Walk = field(init=False)
    fast_lane: FastLane = field(init=False)
    rights: Rights | None = None
    started: float = 0.0
    last_failure: str | None = None
    """Why there was no session; said once, until there is one again."""
    reported: float = 0.0

    def __post_init__(self) -> None:
        plan = self.plan
        self.recognition = Recognition(plan.target, self.memory)
        system, paces = self.node.system_identifier or "", Paces(plan.paces, plan.budget)
        facts = Facts(Recollection(all_wants(), self.memory, system, plan.name))
        self.sessions, hung = Sessions.of(plan), plan.hung_deadline
        self.rounds = Rounds(plan.name, self.clock, facts, paces, hung, self.show, self.drop)
        self.fast_lane = FastLane(self.rounds)
        self.fast_lane.remember(plan.patience.visible)
        self.judging = Judging.of(plan, self.memory)
        self.walk = Walk(plan, self.sessions.tour, self.rounds)
        self.started = self.clock.now()

    # What the schedule calls.
    async def round(self, lane: Lane) -> None:
        """Ask everything of a lane that is due on the server as a whole."""
        due = (c for c in of_server(lane) if self.rounds.due(c))
        await self._ask(lane, [c for c in due if c not in self.rounds.paces.walked])
        if lane is Lane.fast:
            await self.fast_lane.follow(partial(self._ask, lane, LOOK))

    async def _ask(self, lane: Lane, due: Sequence[Collector[Any]]) -> None:
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
                if not self.rounds.gated(collector):
                    await self.rounds.ask(collector, session, self.rights, self.node.role)
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
            self.rounds.supply(connection, (standing,))
            if self.sessions.any is None:
                self._forget_facts(f"the server does not answer: {standing.message}")
            elif standing.up and (standing.lacks_slots or slots_taken(self.facts)):
                await self.walk.make_room(self.sessions.any)
        if now - self.reported >= REPORT:
            self.reported = now
            self.rounds.supply(*round_rows(self.rounds, self.collectors(), now))
        for collector, database in self.facts.expire(self.rounds.paces.longest, now):
            self.drop(collector, database)
            self.rounds.fresh.add(collector)
        self.judge()

    async def look_once(self) -> None:
        """Everything once, in order: what `check` does, and how a daemon starts."""
        for lane in Lane:
            await self.round(lane)
        await self.visit_databases()
        self.reported = 0.0
        await self.pulse()
        await self.judging.settled()

    def retune(self, plan: Plan) -> None:
        """Other limits, mutes or patience: everything is judged by them at the next pulse."""
        if plan != self.plan:
            self.plan = self.judging.plan = plan
            self.judging.casebook.patience = plan.patience
            self.fast_lane.remember(plan.patience.visible)
            self.judge_all()

    async def close(self) -> None:
        await self.sessions.close()

    # What is known.

    @property
    def node(self) -> Node:
        return self.recognition.node

    @property
    def identity(self) -> Identity | None:
        return self.recognition.identity

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
    def facts(self) -> Facts:
        return self.rounds.facts

    def collectors(self) -> list[Collector[Any]]:
        return list(all_collectors().values())

    def snapshot(self) -> Snapshot:
        return self.facts.snapshot(self.node, self.clock.now())

    def judge(self) -> None:
        """Judge anew what reads something fresh."""
        fresh, self.rounds.fresh = self.rounds.fresh, set()
        if fresh or not self.judging.verdicts:
            snapshot = self.facts.snapshot(self.node, self.clock.now(), self.peers())
            if self.judging.judge(fresh, snapshot, self._mutes()):
                self.announce()

    def judge_all(self) -> None:
        self.rounds.fresh |= set(self.collectors())
        self.judge()

    # What happens to a server.

    def _meet(self, session: Session) -> None:
        if not session.met:
            session.met, self.rights = True, None
            self.rounds.ledger.forgive()
            self._react(self.recognition.meet(session.identity))

    def _react(self, news: News) -> None:
        """Whatever was counted on another server, or in another role, says nothing of this one."""
        if News.another in news:
            self.judging.casebook.files.clear()
            self.facts.recollection.cluster = self.node.system_identifier or ""
        if News.restarted in news or News.role in news:
            self._forget_facts("the server was restarted or has changed its role")
            self.facts.recollection.restart()
            self.rounds.ledger.forget_times()
            self._report_rights()
            self.walk.in_vain = True

    def _notice_role(self) -> None:
        """The fast lane sees a promotion within a second."""
        answer = self.facts.answers.get(wal_position)
        if answer and answer.rows:
            self._react(self.recognition.notice(answer.rows[0].in_recovery))

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
        self.rounds.fresh |= gone

    async def _probe_rights(self, session: Session) -> None:
        needs = {need for c in self.collectors() if c.scope is Scope.server for need in c.needs}
        before, self.rights = self.rights, await Rights.probe(session, needs, self.rounds.deadline)
        if before and before.granted != self.rights.granted:
            self.rounds.ledger.forgive()
        self._report_rights()

    def _report_rights(self) -> None:
        if self.rights:
            self.rounds.supply(*capability_rows(self.rights, self.walk.rights, self.collectors()))

    def _mutes(self) -> Mutes:
        answer = self.facts.answers.get(comments)
        return Mutes(self.plan.mutes, comments_by_object(answer.rows if answer else ()))
