"""Server events: what a new session, a restart, a new role or a lost session changes."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from alerts.history.recorder import Recorder
from collectors._base import AnyCollector
from collectors._catalogue import all_collectors
from collectors.backend_memory import backend_memory
from collectors.capabilities import capabilities
from collectors.certificate import certificate
from collectors.processors import processors
from collectors.standby_lag import standby_lag
from collectors.wal_position import wal_position
from monitor.judging import Judging
from monitor.polling.answers import Answers
from monitor.polling.capability_report import CapabilityReport
from monitor.polling.database_walk import DatabaseWalk
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Sink
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.identity import IdentityChange, IdentityTracker
from monitor.postgres.session import Session
from monitor.postgres.sessions import Sessions
from monitor.reading import ReadFailure
from monitor.sources.waits import SUMMED

log = structlog.get_logger("pgvigil")

BY_A_SESSION: tuple[AnyCollector, ...] = (
    capabilities,
    standby_lag,
    certificate,
    backend_memory,
    processors,
    *SUMMED,
)
"""Collectors without a query of their own that know nothing without a session."""


@dataclass(slots=True)
class ServerEvents:
    """Reacts to what happens to one server."""

    server: str
    identity: IdentityTracker
    sessions: Sessions
    answers: Answers
    recorder: Recorder
    round_log: RoundLog
    privileges: PrivilegeChecks
    sink: Sink
    judging: Judging
    walk: DatabaseWalk
    capabilities: CapabilityReport
    stagger: Callable[[], None] = lambda: None
    """Starts the lanes one after the other, the fast one first."""
    last_failure: str | None = None
    """Why there was no session; logged once, until there is one again."""
    away: bool = False
    """Whether there has been no session since the last one was met."""

    def met(self, session: Session) -> bool:
        """A session is there; a new one tells which server it leads to.

        Returns whether the server has come back: then the lanes are started anew.
        """
        self.last_failure = None
        came_back, self.away = self.away, False
        if not session.met:
            session.met = True
            self.privileges.forget_server()
            self.round_log.forgive()
            change = self.identity.meet(session.identity)
            self._react(change)
            came_back |= IdentityChange.restarted in change
        if came_back:
            self.stagger()
        return came_back

    def notice_role(self) -> None:
        """See a promotion in the newest answers: it keeps sessions open."""
        answer = self.answers.newest.get(wal_position)
        if answer and answer.rows:
            change = self.identity.notice(answer.rows[0].in_recovery)
            self._react(change)
            if IdentityChange.role in change:
                self.stagger()

    async def lost(self, failure: ConnectFailure | ReadFailure) -> None:
        """There is no session, or a query was not answered on the one there was."""
        if isinstance(failure, ReadFailure):
            await self.sessions.drop_silent()
        self.away |= self.sessions.any is None
        if failure.message != self.last_failure:
            log.info("no session", server=self.server, reason=failure.message)
        self.last_failure = failure.message

    def forget_answers(self, why: str) -> None:
        """Remove everything that the server has told, from judges and from the page."""
        told = (c for c in all_collectors().values() if c.sql or c in BY_A_SESSION)
        for collector in self.answers.forget(told, why):
            self.sink.drop(collector, None)

    def _react(self, change: IdentityChange) -> None:
        """Counters of another server, or of another role, say nothing about this one."""
        if IdentityChange.another in change:
            self.judging.forget_cases()
            self.recorder.belong_to(self.identity.node.cluster or "", self.server)
        if IdentityChange.sessions_ended in change:
            self.judging.end_sessions(self.identity.node)
            self.answers.refresh_all(all_collectors().values())
        if IdentityChange.restarted in change or IdentityChange.role in change:
            self.forget_answers("the server was restarted or has changed its role")
            self.recorder.restart()
            self.round_log.forget_times()
            self.capabilities.supply(self.identity.node.role)
            self.walk.abandon()
