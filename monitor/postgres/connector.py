"""Connector: opens sessions one at a time, with a back-off after failures."""

import asyncio
import random
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

from collectors.connection import Cause
from monitor.address import Address
from monitor.defects import DEFECTS, place_of
from monitor.heartbeat import Heartbeat
from monitor.postgres.errors import ConnectFailure, QueryFailure
from monitor.postgres.session import Session

PATIENCE = {
    Cause.timeout: 30.0,
    Cause.auth: 60.0,
    Cause.no_password: 60.0,
    Cause.not_identified: 60.0,
    Cause.no_role: 60.0,
    Cause.no_login: 60.0,
    Cause.no_role_or_login: 60.0,
    Cause.auth_method: 60.0,
    Cause.pg_hba: 60.0,
    Cause.tls: 60.0,
    Cause.pooler: 60.0,
    Cause.address: 60.0,
    Cause.wrong_server: 10.0,
}
"""Seconds between such a failure and the next attempt."""
FIRST, LONGEST = 0.5, 8.0
"""Seconds of the back-off after all other failures: doubled each time, with 50 % jitter."""
CATALOGUE_LOCK = """
    select relation::regclass::text as relation, (pg_blocking_pids(pid))[1] as holder
    from pg_catalog.pg_locks
    where locktype = 'relation' and not granted and relation < 16384
    order by waitstart
    limit 1
"""
OF_ONE_DATABASE = {
    Cause.no_database,
    Cause.no_connect,
    Cause.database_closed,
    Cause.database_full,
    Cause.pg_hba,
    Cause.refused,
    Cause.no_library,
    Cause.idle_timeout,
    Cause.first_question,
    Cause.defect,
}
"""Failures that don't concern the server while a session to another of its databases works."""


@dataclass(slots=True)
class Connector:
    """Connector to one server."""

    address: Address
    statement_timeout: float
    deadline: float
    heart: Heartbeat = field(default_factory=Heartbeat)
    failure: ConnectFailure | None = None
    """Why the last attempt failed; None after a success, or before the first."""
    tried: bool = False
    in_distress: bool = False
    """Whether we were short of CPU at the last failure, so that a time-out says nothing."""
    failed_at: float | None = None
    """Monotonic time of the first failure in a row."""
    _failures: int = 0
    _not_before: float = 0.0
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(
        self,
        database: str | None,
        sibling: Session | None = None,
        inconclusive: Collection[Cause] = (),
    ) -> Session:
        """Open a session to the same server as the sibling. Raises ConnectFailure.

        `inconclusive`: causes of a failure that says nothing yet, as the caller tries another
        database then.
        """
        async with self._one:
            if self.failure and time.monotonic() < self._not_before:
                raise self.failure
            try:
                session = await self._try(database, sibling)
            except ConnectFailure as failure:
                told = await self._waits(self._explained(failure, database), sibling)
                elsewhere = sibling and not sibling.lost and sibling.identity.database != database
                of_the_place = OF_ONE_DATABASE if elsewhere else ()
                if failure.cause not in {*inconclusive, *of_the_place}:
                    self._remember(told)
                raise told from None
            self.tried, self.failure, self.failed_at, self._failures = True, None, None, 0
            return session

    async def _try(self, database: str | None, sibling: Session | None) -> Session:
        """Try once. Raises ConnectFailure, also for a defect of ours: it must not look like a
        server that is silent, and each attempt costs the server a process."""
        try:
            session = await Session.open(
                self.address, database, self.statement_timeout, self.deadline, self.heart
            )
            await _refuse_other_server(session, sibling)
        except ConnectFailure:
            raise
        except Exception as defect:
            DEFECTS.note("connection", defect, database=database)
            message = f"a defect in pgvigil: {place_of(defect)}"
            raise ConnectFailure(Cause.defect, message) from None
        return session

    def _explained(self, failure: ConnectFailure, database: str | None) -> ConnectFailure:
        """Add to a refused login the reasons why a password may not have been sent."""
        if failure.cause is not Cause.auth:
            return failure
        with suppress(ValueError, OSError):
            has_password = self.address.connect_arguments(database)["password"]() is not None
            cause = Cause.auth if has_password else Cause.no_password
            message = "; ".join((failure.message, *self.address.target().warnings))
            return ConnectFailure(cause, message, failure.sqlstate)
        return failure

    async def _waits(self, failure: ConnectFailure, sibling: Session | None) -> ConnectFailure:
        """Add to a login without an answer the lock that it waits for."""
        if failure.cause is not Cause.timeout or not sibling or sibling.lost or sibling.silent > 1:
            return failure
        with suppress(QueryFailure):
            for record in await sibling.fetch(CATALOGUE_LOCK, self.deadline):
                return ConnectFailure(
                    Cause.login_waits,
                    f"logins wait for a lock on {record['relation']},"
                    f" which the session with pid {record['holder']} holds",
                )
        return failure

    def forgive(self) -> None:
        """Allow the next attempt at once, because the last failure is not relevant any more."""
        self._not_before = 0.0

    def _remember(self, failure: ConnectFailure) -> None:
        now = time.monotonic()
        self.tried, self.failure = True, failure
        self.failed_at = self.failed_at or now
        backoff = min(LONGEST, FIRST * 2**self._failures) * random.uniform(0.5, 1)
        self.in_distress = self.heart.is_starved
        patience = backoff if self.in_distress else PATIENCE.get(failure.cause, backoff)
        self._not_before = now + patience
        self._failures += 1


async def _refuse_other_server(session: Session, sibling: Session | None) -> None:
    """Close a session that reached another server than its sibling. Raises ConnectFailure."""
    if sibling and not sibling.lost and not session.identity.is_same_server(sibling.identity):
        await session.close()
        raise ConnectFailure(
            Cause.wrong_server,
            "this address leads to another server than a moment ago"
            f" (system identifier {session.identity.system_identifier},"
            f" started {session.identity.started})",
        )
