"""What a real standby logs of recovery conflicts, and of a login that never ends."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from alerts.history.memory import Memory
from monitor.demo.launcher import Postgres
from monitor.server_log.watch import LogBook
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

LOGGED: dict[str, Any] = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "max_standby_streaming_delay": "0",
    "hot_standby_feedback": "off",
}
Counts = dict[tuple[str, str | None], int]
EXPECTED: Counts = {
    ("40001", "recovery_conflict"): 2,
    ("57P04", "recovery_conflict"): 1,
    ("57014", "authentication_timeout"): 1,
}


@pytest.mark.versions(18)
async def test_counted_with_their_cause(
    private_server: PrivateServers, standby: Callable[..., Postgres]
) -> None:
    """A statement, two idle sessions and a login are ended, and each is counted once."""
    primary = private_server(**LOGGED)
    async with connected(primary.dsn()) as admin:
        await admin.execute("create role slow login; create table t (id int)")
        await admin.execute("create database shop")
        await admin.execute("insert into t select generate_series(1, 1000)")
    second = standby(primary)
    book = LogBook.of(second.data / "log", Memory(), "it")
    book.read(0.0)
    counts: Counts = {}

    async def counted(*keys: tuple[str, str | None]) -> bool:
        for row in book.read(0.0).counts:
            counts[row.sqlstate, row.cause] = row.count
        return all(key in counts for key in keys)

    async with (
        connected(second.dsn()) as reader,
        connected(second.dsn()) as idle,
        connected(second.dsn("shop")) as dropped,
    ):
        for session in (reader, idle):
            await session.execute("begin isolation level repeatable read; select 1 from t")
        reading = asyncio.create_task(reader.execute("select pg_sleep(600) from t"))
        await delete(primary)
        with pytest.raises(asyncpg.SerializationError):
            await reading
        await until(lambda: asyncio.sleep(0, idle.is_closed()), "the idle session is ended")
        async with connected(primary.dsn()) as admin:
            await admin.execute("drop database shop")
        await until(lambda: asyncio.sleep(0, dropped.is_closed()), "so is that of the database")
    await log_in_forever(second)
    await until(lambda: counted(*EXPECTED), "all are counted")
    assert counts == EXPECTED


async def delete(primary: Postgres) -> None:
    """Remove rows that the standby still reads."""
    async with connected(primary.dsn()) as admin:
        await admin.execute("delete from t")
        await admin.execute("vacuum t")


async def log_in_forever(server: Postgres) -> None:
    """Never answer when the server asks for the password."""
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"local all slow scram-sha-256\n{rules.read_text()}")
    async with connected(server.dsn()) as admin:
        await admin.execute("alter system set authentication_timeout = '1s'")
        await admin.execute("select pg_reload_conf()")
    path = server.folder / f".s.PGSQL.{server.port}"
    reader, writer = await asyncio.open_unix_connection(path)
    greeting = struct.pack("!i", 196608) + b"user\0slow\0database\0postgres\0\0"
    writer.write(struct.pack("!i", len(greeting) + 4) + greeting)
    assert (await reader.readexactly(1)) == b"R"
    await reader.read()
    writer.close()
    await writer.wait_closed()
