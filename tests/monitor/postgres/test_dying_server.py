"""A server that dies in any phase of a conversation: no exception is lost."""

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from monitor.address import Address
from monitor.demo.launcher import Postgres
from monitor.postgres import session
from monitor.postgres.errors import ConnectFailure, QueryFailure
from monitor.postgres.session import Session
from tests.fixtures.farm import MONITOR
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(14, 18)

STEP = 97
"""Bytes of the server after which the link dies next time: no divisor of any message's length."""
DEADLINE = 0.3
PATIENCE = 60.0
"""Seconds for what must succeed, on a busy machine too."""
TURNS = 60
"""Turns of the loop after which an attempt is cancelled, at most."""


@dataclass(slots=True)
class Link:
    """A link to a real server that dies after a number of bytes."""

    socket: str
    lives: float = float("inf")
    """Bytes that it still lets through."""
    resets: bool = True
    """Whether it dies with a reset; else it falls silent, and stays open."""
    refuses: bool = False
    """Whether new connections end before anything is said."""
    used: int = 0
    ends: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def forwarding(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self.forward(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ends.append(writer)
        if self.refuses:
            self.kill(writer)
            return
        there, back = await asyncio.open_unix_connection(self.socket)
        self.ends.append(back)
        asking = asyncio.ensure_future(self.pump(reader, back))
        with suppress(ConnectionError):
            while data := await there.read(4096):
                passed = data[: int(min(len(data), self.lives - self.used))]
                self.used += len(passed)
                writer.write(passed)
                if len(passed) < len(data):
                    break
        if self.resets:
            self.kill(writer)
        await asking
        back.close()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)

    @staticmethod
    def kill(writer: asyncio.StreamWriter) -> None:
        """End with RST, as the kernel does for a process that was killed."""
        end = writer.get_extra_info("socket")
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@asynccontextmanager
async def linked(server: Postgres) -> AsyncIterator[tuple[Link, str]]:
    link = Link(f"{server.folder}/.s.PGSQL.{server.port}")
    async with await asyncio.start_server(link.forwarding, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield link, f"postgresql://{MONITOR}@127.0.0.1:{port}/postgres"
        for end in link.ends:
            end.transport.abort()
        await asyncio.gather(*link.tasks)


@contextmanager
def no_exception_is_lost() -> Iterator[None]:
    """What the loop would have logged, as nothing else knows of it."""
    loop, lost = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, context: lost.append(context))
    try:
        yield
        gc.collect()
        assert lost == []
    finally:
        loop.set_exception_handler(None)


async def converse(dsn: str, deadline: float = DEADLINE) -> None:
    """Open a session, ask twice and close it: whatever fails, fails as expected."""
    try:
        opened = await Session.open(Address.of(dsn, {}), None, deadline, deadline)
    except ConnectFailure:
        return
    with suppress(QueryFailure):
        await opened.ask("select 1", deadline)
        await opened.ask("select repeat('x', 1000) from generate_series(1, 3)", deadline)
    await opened.close()


@pytest.mark.parametrize("sslmode", ["disable", "prefer"])
async def test_it_may_die_after_any_byte(server: Postgres, sslmode: str) -> None:
    """While it greets us, in the middle of an answer, and when we say goodbye."""
    async with linked(server) as (link, dsn):
        dsn += f"?sslmode={sslmode}"
        await converse(dsn, PATIENCE)
        whole = link.used
        with no_exception_is_lost():
            for lives in range(0, whole + STEP, STEP):
                link.lives, link.used = lives, 0
                await converse(dsn)
            link.refuses = True
            await converse(dsn)
        assert whole > 10 * STEP


@pytest.mark.parametrize("sslmode", ["disable", "prefer"])
@pytest.mark.parametrize("how", ["answers", "refuses", "resets", "silent"])
async def test_we_may_give_up_in_any_turn(server: Postgres, sslmode: str, how: str) -> None:
    """An attempt that is cancelled leaves nothing behind, whatever the server does then."""
    async with linked(server) as (link, dsn):
        link.refuses = how == "refuses"
        link.resets = how == "resets"
        link.lives = {"resets": 400, "silent": 400}.get(how, link.lives)
        with no_exception_is_lost():
            for turns in range(TURNS):
                link.used = 0
                attempt = asyncio.create_task(converse(f"{dsn}?sslmode={sslmode}"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                attempt.cancel()
                with suppress(asyncio.CancelledError):
                    await attempt
            await asyncio.sleep(0.01)


async def no_goodbye_is_left() -> bool:
    return not any("Connection.close" in repr(one.get_coro()) for one in asyncio.all_tasks())


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8])
async def test_we_may_give_up_a_goodbye(
    server: Postgres, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes our last message and never ends the connection: then we do."""
    monkeypatch.setattr(session, "GRACE", 0.05)
    async with linked(server) as (link, dsn):
        link.resets = False
        with no_exception_is_lost():
            opened = await Session.open(Address.of(dsn, {}), None, PATIENCE, PATIENCE)
            link.lives = 0
            with suppress(QueryFailure):
                await opened.ask("select 1", 0.05)
            task = asyncio.create_task(opened.close())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await until(no_goodbye_is_left, "the goodbye has failed")
            assert opened.connection.is_closed()
