"""Roaming session: the third session, which visits the databases in turn.

With one database it stays there. With several it never stays in one for long, because a database
with a session can't be dropped or used as a template.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from monitor.postgres.connector import Connector
from monitor.postgres.session import Session

APART = 1.0
"""Minimum seconds between two connects: each costs a fork, a cold cache, perhaps a log line."""


@dataclass(slots=True)
class RoamingSession:
    """Session in one database at a time."""

    connector: Connector
    session: Session | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Lock that is held during a visit, and while another session uses the third slot."""
    opened: float = 0.0
    """Monotonic time of the last connect."""

    @property
    def is_busy(self) -> bool:
        """Whether a visit or a probe is under way."""
        return self.turn.locked()

    @asynccontextmanager
    async def visit(self, database: str, sibling: Session | None) -> AsyncIterator[Session]:
        """Return a session in that database; it stays open until the next visit of another one.

        Raises ConnectFailure.
        """
        async with self.turn:
            session = self.session
            if session is None or session.lost or session.identity.database != database:
                session = await self._go(database, sibling)
            yield session

    async def probe(self, database: str, sibling: Session | None) -> None:
        """Check whether a new session can be opened. Raises ConnectFailure."""
        async with self.turn:
            await self._go(database, sibling)

    async def _go(self, database: str, sibling: Session | None) -> Session:
        await self.give_up()
        await asyncio.sleep(max(0.0, self.opened + APART - time.monotonic()))
        self.opened = time.monotonic()
        self.session = await self.connector.open(database, sibling)
        return self.session

    async def leave(self) -> None:
        """Close the session, to free its slot."""
        async with self.turn:
            await self.give_up()

    async def give_up(self) -> None:
        """Like `leave`; the caller already holds `turn`."""
        session, self.session = self.session, None
        if session:
            await session.close()
