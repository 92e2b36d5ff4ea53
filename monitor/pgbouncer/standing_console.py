"""Standing console: the session that is kept open, with a back-off between attempts to log in."""

import random
from dataclasses import dataclass, field

import structlog

from collectors.pooler_connection import PoolerCause, PoolerConnection
from monitor.certificate_time import expiry
from monitor.clock import Clock
from monitor.config.poolers import PoolerPlan
from monitor.heartbeat import Heartbeat
from monitor.pgbouncer.console import Console
from monitor.pgbouncer.failure import ConsoleFailure, opening
from monitor.reading import ReadFailure

log = structlog.get_logger("pgvigil")
FIRST, LONGEST = 0.5, 8.0
"""Seconds of the back-off between attempts to connect: doubled each time."""
REFUSED = 30.0
"""Seconds between attempts where the reason lies in our settings: a login that fails is logged."""
OF_SETTINGS = frozenset(
    {
        PoolerCause.auth,
        PoolerCause.auth_method,
        PoolerCause.not_allowed,
        PoolerCause.not_a_pooler,
        PoolerCause.tls,
        PoolerCause.address,
    }
)
RENEWAL = 3600.0
"""Seconds after which an encrypted connection is opened anew."""


@dataclass(slots=True)
class StandingConsole:
    """The session on one console."""

    plan: PoolerPlan
    clock: Clock
    heart: Heartbeat = field(default_factory=Heartbeat)
    session: Console | None = None
    host: str | None = None
    """Where it was opened last, by the settings as they were then."""
    failure: ConsoleFailure | None = None
    """Why the console can't be asked; None while it can, or before the first attempt."""
    failed_at: float | None = None
    """When the first failure in a row was (unix seconds)."""
    _failures: int = 0
    _opened: float = 0.0
    _not_before: float = 0.0

    @property
    def is_up(self) -> bool:
        return self.session is not None and not self.session.lost and self.failure is None

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked now, and need not be opened anew."""
        return self.session is not None and not self.session.lost and not self._is_worn()

    def _is_worn(self) -> bool:
        """Whether it is time to see the certificate that the pooler shows now."""
        is_encrypted = self.session is not None and self.session.certificate is not None
        return is_encrypted and self.clock.now() - self._opened > RENEWAL

    @property
    def may_try(self) -> bool:
        """Whether the back-off after the last failure is over."""
        return self.clock.now() >= self._not_before

    async def open(self) -> None:
        """Log in anew. Raises ConsoleFailure."""
        await self.close()
        try:
            with opening():
                self.host = self.plan.address.target().hosts[0]
            self.session = await Console.open(self.plan.address, self.plan.deadline)
        except ConsoleFailure as failure:
            self._failed(failure)
            raise
        self.failure, self.failed_at, self._failures = None, None, 0
        self._opened = self.clock.now()
        log.info("connected to a pooler", pooler=self.plan.name, version=self.session.version)

    async def lose(self, failure: ReadFailure) -> ConsoleFailure:
        """Close the session that a command has lost; the next attempt may follow at once."""
        cause = PoolerCause.hung if failure.unanswered else PoolerCause.stopping
        await self.close()
        found = ConsoleFailure(cause, failure.message)
        self._failed(found)
        self._not_before = self.clock.now()
        return found

    def _failed(self, failure: ConsoleFailure) -> None:
        now = self.clock.now()
        if self.failure is None or self.failure.message != failure.message:
            log.info("no console", pooler=self.plan.name, reason=failure.message)
        self.failure, self.failed_at = failure, self.failed_at or now
        backoff = min(LONGEST, FIRST * 2**self._failures) * random.uniform(0.5, 1)
        self._not_before = now + (REFUSED if failure.cause in OF_SETTINGS else backoff)
        self._failures += 1

    def report(self) -> PoolerConnection:
        """Return how the conversation stands."""
        failure = self.failure
        down = self.clock.now() - self.failed_at if self.failed_at else None
        user = address = None
        shown = self.session.certificate if self.session else None
        try:
            target = self.plan.address.target()
            user, address = target.user, target.name
        except (OSError, ValueError):
            address = self.plan.name
        return PoolerConnection(
            up=self.is_up,
            cause=failure.cause if failure else None,
            message=failure.message if failure else None,
            down_seconds=down,
            address=address,
            user=user,
            descriptor_limit=self.session.descriptor_limit if self.session else None,
            is_encrypted=shown is not None,
            certificate_expires=expiry(shown) if shown else None,
            observer_starved=self.heart.is_starved,
        )

    async def close(self) -> None:
        session, self.session = self.session, None
        if session:
            await session.close()
