"""The roaming session: the third one, which goes from database to database.

With one database it stays there. With several it never stays in one for long, as a database can't
be dropped or used as a template while it is there.
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


@dataclass(slots=True)
class RoamingSession:
    """A session in one database at a time."""

    connector: Connector
    session: Session | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during a visit, and while another session borrows the third slot."""
    opened: float = 0.0
    """Monotonic time of the last connect."""

    @property
    def is_busy(self) -> bool:
        """Whether a visit or a probe is under way."""
        return self.turn.locked()

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
        await self.give_up()
        await asyncio.sleep(max(0.0, self.opened + APART - time.monotonic()))
        self.opened = time.monotonic()
        self.session = await self.connector.open(database, sibling)
        return self.session

    async def leave(self) -> None:
        """Release the third session."""
        async with self.turn:
            await self.give_up()

    async def give_up(self) -> None:
        """Like `leave`; the caller already holds `turn`."""
        session, self.session = self.session, None
        if session:
            await session.close()
