"""Standing session: opened if there is none, renewed every hour, dropped when it is lost."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from collectors.connection import Cause
from monitor.postgres.connector import OF_ONE_DATABASE, Connector
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.server_messages import Shutdown
from monitor.postgres.session import Session

HOME = "postgres"
"""Preferred database of standing sessions: it is rarely dropped or used as a template."""
NOT_THERE = {
    *OF_ONE_DATABASE,
    Cause.auth,
    Cause.no_password,
    Cause.not_identified,
    Cause.auth_method,
}
"""Failures that may concern only that database."""
LIFE = 3600.0
"""Lifetime of a session in seconds: its memory on the server grows with the relations it read."""


@dataclass(slots=True)
class Home:
    """Database of standing sessions."""

    database: str | None = HOME
    """None: the database in the address."""
    found: bool = False

    async def open(self, connector: Connector, sibling: Session | None) -> Session:
        """Open a session there, or in the address's database. Raises ConnectFailure."""
        has_other = not self.found and self.database is not None
        inconclusive = NOT_THERE if has_other else ()
        try:
            session = await connector.open(self.database, sibling, inconclusive)
        except ConnectFailure as failure:
            if failure.cause not in inconclusive:
                raise
            self.database = None
            connector.forgive()
            session = await connector.open(None, sibling)
        self.found = True
        return session


@dataclass(slots=True)
class StandingSession:
    """One of the two sessions that are kept open."""

    connector: Connector
    home: Home
    session: Session | None = None
    expires: float = 0.0
    shutdown: Shutdown | None = None
    """What the server said at the end of the last session that was lost."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def alive(self) -> Session | None:
        return self.session if self.session and not self.session.lost else None

    async def get(self, sibling: Session | None, roaming: RoamingSession) -> Session:
        """Return the session; open or renew it if necessary. Raises ConnectFailure."""
        async with self.turn:  # several lanes share a session; one of them opens it
            if self.alive is None:
                await self.drop()
                self._keep(await self.home.open(self.connector, sibling))
            elif time.monotonic() > self.expires:
                await self._renew(sibling, roaming)
            assert self.session is not None
            return self.session

    async def _renew(self, sibling: Session | None, roaming: RoamingSession) -> None:
        """Open the new one first, in the roaming session's slot, so that there are never four."""
        self.expires = time.monotonic() + LIFE / 10
        async with roaming.turn:
            await roaming.give_up()
            try:
                new = await self.home.open(self.connector, sibling or self.alive)
            except ConnectFailure:
                return  # the old one still works; try again later
            await self.drop()
            self._keep(new)

    def _keep(self, session: Session) -> None:
        self.session, self.shutdown = session, None
        self.expires = time.monotonic() + LIFE * random.uniform(0.9, 1)

    def notice_end(self) -> None:
        """Take note of how the session ended, where it was lost."""
        if self.session and self.session.lost:
            self.shutdown = self.session.wire.shutdown

    async def drop(self) -> None:
        self.notice_end()
        session, self.session = self.session, None
        if session:
            await session.close()
