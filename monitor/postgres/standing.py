"""A standing session: opened when there is none, renewed every hour, dropped when it is lost."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from collectors.connection import Cause
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.session import Session

HOME = "postgres"
"""Where standing sessions live if they may: it is neither dropped nor used as a template."""
NOT_THERE = {Cause.no_database, Cause.database_full, Cause.pg_hba, Cause.auth, Cause.auth_method}
"""Failures that may concern that database only."""
LIFE = 3600.0
"""Seconds that a session lives: its memory on the server grows with what it has seen."""


@dataclass(slots=True)
class Home:
    """The database that standing sessions live in, once it is found."""

    database: str | None = HOME
    """None: the one that the address names."""
    found: bool = False

    async def open(self, connector: Connector, sibling: Session | None) -> Session:
        """Open a session there, or where the address leads. Raises ConnectFailure."""
        try:
            session = await connector.open(self.database, sibling)
        except ConnectFailure as failure:
            if self.found or self.database is None or failure.cause not in NOT_THERE:
                raise
            self.database = None
            connector.forgive()
            session = await connector.open(None, sibling)
        self.found = True
        return session


@dataclass(slots=True)
class StandingSession:
    """One of the two sessions that are there before something happens."""

    connector: Connector
    home: Home
    session: Session | None = None
    expires: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def alive(self) -> Session | None:
        return self.session if self.session and not self.session.lost else None

    async def get(self, sibling: Session | None, roaming: RoamingSession) -> Session:
        """The session, opened or renewed where need be. Raises ConnectFailure."""
        async with self.turn:  # several lanes share a session: one of them opens it
            if self.alive is None:
                await self.drop()
                self._keep(await self.home.open(self.connector, sibling))
            elif time.monotonic() > self.expires:
                await self._renew(sibling, roaming)
            assert self.session is not None
            return self.session

    async def _renew(self, sibling: Session | None, roaming: RoamingSession) -> None:
        """Open the new one first, in the roaming session's slot: we never hold one more."""
        self.expires = time.monotonic() + LIFE / 10
        async with roaming.turn:
            await roaming.give_up()
            try:
                new = await self.home.open(self.connector, sibling or self.alive)
            except ConnectFailure:
                return  # the old one still works; another try in a while
            await self.drop()
            self._keep(new)

    def _keep(self, session: Session) -> None:
        self.session = session
        self.expires = time.monotonic() + LIFE * random.uniform(0.9, 1)

    async def drop(self) -> None:
        session, self.session = self.session, None
        if session:
            await session.close()
