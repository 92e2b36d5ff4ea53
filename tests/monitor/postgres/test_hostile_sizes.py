"""An attacker that speaks PostgreSQL's protocol: nothing that it sends is taken without a limit.

It is no stand-in for PostgreSQL: it answers the first question as a server does, and then sends
what no server should.
"""

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from collectors.connection import Cause
from monitor.address import Address
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure, QueryFailure, querying
from monitor.postgres.guarded_protocol import GuardedProtocol

assert asyncpg.protocol.Protocol is GuardedProtocol
MIB = 1 << 20
MOST = 24 * MIB
"""Memory that an answer may cost us at any time."""
Answer = Callable[[], Iterator[bytes]]


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def endless(kind: bytes, first: bytes, mib: int) -> Iterator[bytes]:
    """A message in pieces, of that size beyond its first bytes."""
    yield kind + (len(first) + mib * MIB + 4).to_bytes(4, "big") + first
    yield from (b"x" * MIB for _ in range(mib - 1))
    yield b"x" * (MIB - 2) + b"\0\0"


LOGGED_IN = (
    message(b"R", b"\0\0\0\0")
    + message(b"S", b"server_version\x0018.0\0")
    + message(b"S", b"client_encoding\0SQL_ASCII\0")
    + message(b"K", b"\0\0\0\1\0\0\0\1")
    + message(b"Z", b"I")
)
ONE_COLUMN = b"\0\1x\0" + bytes(6) + b"\0\0\0\x19" + b"\xff\xff\xff\xff\xff\xff" + b"\0\0"
ROW = message(b"D", b"\0\1\0\0\0\1x")


def long_error() -> Iterator[bytes]:
    return endless(b"E", b"SERROR\0C42P01\0Mno s", 60)


def long_notice() -> Iterator[bytes]:
    return endless(b"N", b"SNOTICE\0C00000\0M", 60)


def long_row() -> Iterator[bytes]:
    yield message(b"T", ONE_COLUMN)
    yield from endless(b"D", b"\0\1\7\x80\0\0", 120)


def many_rows() -> Iterator[bytes]:
    yield message(b"T", ONE_COLUMN)
    yield from (ROW * 10_000 for _ in range(30))


def many_long_rows() -> Iterator[bytes]:
    yield message(b"T", ONE_COLUMN)
    yield from (message(b"D", b"\0\1\0\x0f\xff\xf0" + b"x" * (MIB - 16)) for _ in range(200))


def long_parameter() -> Iterator[bytes]:
    return endless(b"S", b"application_name\0", 60)


def endless_columns() -> Iterator[bytes]:
    return endless(b"T", b"", 60)


def nonsense() -> Iterator[bytes]:
    yield b"HTTP/1.1 400 Bad Request\r\n\r\n"


def no_length() -> Iterator[bytes]:
    yield b"D\0\0\0\0" * 1000


@asynccontextmanager
async def attacker(answer: Answer, at_login: bool = False) -> AsyncIterator[str]:
    """The address of a server that sends this instead of an answer, or of the login."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaking[asyncio.current_task()] = writer
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            size = int.from_bytes(await reader.readexactly(4), "big")
            await reader.readexactly(size - 4)
            if not at_login:
                writer.write(LOGGED_IN)
                await reader.readexactly(1)
            for piece in answer():
                writer.write(piece)
                await writer.drain()
            await reader.read()
        writer.close()

    speaking: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable"
    finally:
        server.close()
        for writer in speaking.values():
            writer.transport.abort()
        await asyncio.wait(filter(None, speaking))
        await asyncio.sleep(0)


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()


async def asked(address: str) -> None:
    """Log in and run a query as sessions do. Raises QueryFailure."""
    arguments = Address.of(address, {}).connect_arguments()
    connection = await asyncpg.connect(**arguments, timeout=60)
    try:
        with querying():
            await connection.execute("select x")
    finally:
        connection.terminate()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (long_row, "a row of 120 MiB is more than the limit, 2 MiB"),
        # Seconds of CPU time, so not among the quick ones.
        pytest.param(
            many_rows,
            "the answer has more rows than the limit, 200,000",
            marks=pytest.mark.tool,
        ),
        (many_long_rows, "the answer is longer than the limit, 64 MiB"),
        (endless_columns, "a message of 60 MiB is more than the limit, 2 MiB"),
        (no_length, "the server does not speak PostgreSQL's protocol"),
    ],
)
async def test_an_answer_beyond_the_limits_is_a_failure_with_the_reason(
    answer: Answer, reason: str
) -> None:
    """The session is lost, and the memory was never needed."""
    async with attacker(answer) as address:
        with little_memory(), pytest.raises(QueryFailure, match=reason) as failure:
            await asked(address)
        assert failure.value.lost


async def test_a_long_error_is_cut_and_stays_an_error() -> None:
    """Its state and its first words are known."""

    def answer() -> Iterator[bytes]:
        yield from long_error()
        yield message(b"Z", b"I")

    async with attacker(answer) as address:
        with little_memory(), pytest.raises(QueryFailure, match="no sxxx") as failure:
            await asked(address)
        assert failure.value.sqlstate == "42P01"
        assert len(failure.value.message) < 10_000
        assert not failure.value.lost


@pytest.mark.parametrize("first", [long_notice, long_parameter])
async def test_what_is_long_beside_the_answer_is_cut(first: Answer) -> None:
    """A notice or a parameter costs the query nothing."""

    def answer() -> Iterator[bytes]:
        yield from first()
        yield message(b"C", b"SELECT 0\0") + message(b"Z", b"I")

    async with attacker(answer) as address:
        with little_memory():
            await asked(address)


@pytest.mark.parametrize("answer", [long_error, nonsense, no_length, endless_columns])
async def test_a_login_that_answers_too_much_is_refused(answer: Answer) -> None:
    async with attacker(answer, at_login=True) as address:
        connector = Connector(Address.of(address, {}), 10, 5)
        with little_memory(), pytest.raises(ConnectFailure) as failure:
            await connector.open(None)
        assert failure.value.cause is Cause.auth_method
        assert "does not speak PostgreSQL's protocol" in failure.value.message
