"""The third session: it walks from database to database, and tries whether one can be had at all.

With one database it stays there, warm. It never holds on to a database for long: somebody may
want to drop it, or to use it as a template.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from monitor.postgres.connector import Connector
from monitor.postgres.session import Session

APART = 1.0
"""Seconds between two connects at least: each is a fork, a cold cache, perhaps a line in a log."""
DISCOVERY = """
    select
        datname::text                                                            as name,
        has_database_privilege(oid, 'connect')                                   as may_connect
    from pg_catalog.pg_database
    where datallowconn and not datistemplate and datconnlimit <> -2
    order by datname
"""


@dataclass(slots=True)
class RoamingSession:
    """Sessions for what is per database: one at a time."""

    connector: Connector
    session: Session | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during a visit; whoever needs the third session's place for a moment takes it."""
    opened: float = 0.0
    """Monotonic time of the last connect."""

    @asynccontextmanager
    async def visit(self, database: str, sibling: Session | None) -> AsyncIterator[Session]:
        """A session in that database; it stays open until the next visit goes elsewhere.

        Raises ConnectFailure.
        """
        async with self.turn:
            session = self.session
            if session is None or session.lost or session.identity.database != database:
                session = await self._go(database, sibling)
            yield session

    async def probe(self, database: str, sibling: Session | None) -> None:
        """Try whether a new session can be had. Raises ConnectFailure."""
        async with self.turn:
            await self._go(database, sibling)

    async def _go(self, database: str, sibling: Session | None) -> Session:
        await self.step_aside()
        await asyncio.sleep(max(0.0, self.opened + APART - time.monotonic()))
        self.opened = time.monotonic()
        self.session = await self.connector.open(database, sibling)
        return self.session

    async def leave(self) -> None:
        """Give the place free."""
        async with self.turn:
            await self.step_aside()

    async def step_aside(self) -> None:
        """The same, for whoever holds the turn."""
        session, self.session = self.session, None
        if session:
            await session.close()
