"""Runner of the shop's applications; each has its own sessions, and restarts after an error."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import asyncpg

from monitor.demo import pooler
from monitor.demo.launcher import LOGIN, Postgres
from monitor.demo.shop import APP, DATABASE

Session: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PEACE = 75.0
"""Seconds after a cure before the problem comes back, so that the effect can be seen."""
RETRY = 5.0
"""Seconds after which an application reconnects if its session was terminated."""
# A printed cure may terminate sessions, and the server may stop before we do.
ENDED = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


@dataclass(slots=True)
class Stage:
    """Sessions of one act; they are closed when it ends."""

    server: Postgres
    opened: list[Session] = field(default_factory=list)

    async def session(self, application: str, user: str = APP) -> Session:
        session: Session = await asyncpg.connect(
            self.server.dsn(DATABASE, user),
            server_settings={"application_name": application},
            **LOGIN,
        )
        self.opened.append(session)
        return session

    async def pooled(self, application: str) -> Session:
        """Return a client of the pooler, which logs in to the server as the application."""
        session: Session = await asyncpg.connect(
            host=str(self.server.folder),
            port=pooler.PORT,
            user=APP,
            database=DATABASE,
            statement_cache_size=0,
            server_settings={"application_name": application},
            **LOGIN,
        )
        self.opened.append(session)
        return session

    async def sessions(self, application: str, count: int, user: str = APP) -> list[Session]:
        return [await self.session(application, user) for _ in range(count)]

    def clear(self) -> None:
        for session in self.opened:
            session.terminate()
        self.opened.clear()


Act = Callable[[Stage], Awaitable[None]]


@asynccontextmanager
async def playing(server: Postgres, acts: Iterable[Act]) -> AsyncIterator[None]:
    """Run all acts concurrently and repeatedly, for the length of a block."""
    actors = [asyncio.create_task(_play(act, server), name=act.__name__) for act in acts]
    try:
        yield
    finally:
        for actor in actors:
            actor.cancel()
        await asyncio.gather(*actors, return_exceptions=True)


async def _play(act: Act, server: Postgres) -> None:
    stage = Stage(server)
    while True:
        try:
            await act(stage)
        except ENDED:
            await asyncio.sleep(RETRY)
        finally:
            stage.clear()
