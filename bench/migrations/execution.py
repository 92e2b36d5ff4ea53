"""Execution of a form on a server with rows, under traffic: kind, blocked sessions, seconds."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg

from alerts.migrations.kind import Kind
from alerts.migrations.lock_mode import Blocked
from bench.migrations.forms import Form

Connection = asyncpg.Connection
TABLES = {
    "customers": ("id", "city = city"),
    "orders": ("id", "total = total"),
    "items": ("id", "amount = amount"),
    "events_1": ("id", "what = what"),
    "events_2": ("id", "what = what"),
}
READ_ONLY = ("summary", "recent")
STATE = """
    select c.oid, c.relkind::text as kind, pg_relation_filenode(c.oid) as node,
        c.reltuples > 0 as filled
    from pg_class c where c.relnamespace = 'public'::regnamespace and relkind in ('r', 'i', 'm')
"""
SCANS = """
    select coalesce(sum(pg_stat_get_xact_numscans(c.oid)), 0) from pg_class c
    where c.relnamespace = 'public'::regnamespace and relkind in ('r', 'm', 'i') and reltuples > 0
"""
NOT_WAITED = 0.15
"""Seconds after which a probe counts as blocked."""


@dataclass(slots=True)
class Executed:
    """What a form really did."""

    kind: Kind
    seconds: float
    blocked: dict[str, Blocked] = field(default_factory=dict)
    """By table; those without a wait are left out."""
    error: str | None = None


@contextlib.asynccontextmanager
async def traffic(dsn: str, seed: int) -> AsyncIterator[None]:
    """Run two readers and two writers of single rows until the block ends."""
    draw = random.Random(seed)
    clients = [asyncio.create_task(_client(dsn, draw, writes)) for writes in (0, 0, 1, 1)]
    try:
        yield
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


async def _client(dsn: str, draw: random.Random, writes: int) -> None:
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    try:
        while True:
            table = draw.choice(list(TABLES))
            key, assignment = TABLES[table]
            row = draw.randrange(1, 50_000)
            sql = (
                f"UPDATE {table} SET {assignment} WHERE {key} = {row}"
                if writes
                else f"SELECT * FROM {table} WHERE {key} = {row} LIMIT 1"
            )
            with contextlib.suppress(asyncpg.PostgresError):
                await connection.execute(sql)
            await asyncio.sleep(0.01)
    finally:
        connection.terminate()


async def executed(dsn: str, form: Form) -> Executed:
    """Execute one form; afterwards all is as before."""
    session = await asyncpg.connect(dsn, statement_cache_size=0)
    try:
        if form.undo is None:
            return await _rolled_back(session, dsn, form)
        return await _undone(session, dsn, form)
    finally:
        await session.close()


async def _rolled_back(session: "Connection[asyncpg.Record]", dsn: str, form: Form) -> Executed:
    before = {row["oid"]: row for row in await session.fetch(STATE)}
    await session.execute("BEGIN")
    scans = await session.fetchval(SCANS)
    began = time.perf_counter()
    try:
        await session.execute(form.sql)
    except asyncpg.PostgresError as wrong:
        await session.execute("ROLLBACK")
        return Executed(Kind.unknown, 0.0, error=str(wrong).splitlines()[0])
    seconds = time.perf_counter() - began
    after = {row["oid"]: row for row in await session.fetch(STATE)}
    scanned = await session.fetchval(SCANS) > scans
    blocked = await _blocked(dsn)
    await session.execute("ROLLBACK")
    return Executed(_kind(form, before, after, scanned), seconds, blocked)


async def _undone(session: "Connection[asyncpg.Record]", dsn: str, form: Form) -> Executed:
    before = {row["oid"]: row for row in await session.fetch(STATE)}
    began = time.perf_counter()
    running = asyncio.ensure_future(session.execute(form.sql))
    blocked: dict[str, Blocked] = {}
    while not running.done():
        found = await _blocked(dsn)
        if not running.done():
            blocked |= found
        await asyncio.wait((running,), timeout=0.02)
    await running
    seconds = time.perf_counter() - began
    after = {row["oid"]: row for row in await session.fetch(STATE)}
    if form.undo:
        await session.execute(form.undo)
    scans = form.sql.startswith("VACUUM")
    return Executed(_kind(form, before, after, scans), seconds, blocked)


def _kind(form: Form, before: dict, after: dict, scanned: bool) -> Kind:  # type: ignore[type-arg]
    if form.sql.startswith(("UPDATE", "ANALYZE")):
        return Kind.data
    emptied = form.sql.startswith("TRUNCATE")
    others = [
        row["kind"]
        for oid, row in after.items()
        if oid in before and before[oid]["node"] != row["node"] and not emptied
    ]
    made = [row for oid, row in after.items() if oid not in before and row["kind"] == "i"]
    if "r" in others or "m" in others:
        return Kind.rewrite
    on_old = "CREATE TABLE" not in form.sql
    if "i" in others or (made and on_old):
        return Kind.index_build
    return Kind.scan if scanned and not emptied else Kind.instant


async def _blocked(dsn: str) -> dict[str, Blocked]:
    """Probe each table as a reader and as a writer."""
    probes = [(table, False) for table in (*TABLES, *READ_ONLY)] + [(t, True) for t in TABLES]
    waits = await asyncio.gather(*(_waits(dsn, table, writes) for table, writes in probes))
    found: dict[str, Blocked] = {}
    for (table, writes), waited in zip(probes, waits, strict=True):
        if waited and not writes:
            found[table] = Blocked.all
        elif waited:
            found.setdefault(table, Blocked.writers)
    if "orders" in found:  # who reads the view waits for the table below it
        found.pop("recent", None)
    return found


async def _waits(dsn: str, table: str, writes: bool) -> bool:
    probe = await asyncpg.connect(
        dsn, server_settings={"lock_timeout": str(int(NOT_WAITED * 1000))}, statement_cache_size=0
    )
    sql = (
        f"UPDATE {table} SET {TABLES[table][1]} WHERE {TABLES[table][0]} = -1"
        if writes
        else f"SELECT 1 FROM {table} LIMIT 1"
    )
    try:
        await probe.execute(sql)
        return False
    except asyncpg.LockNotAvailableError:
        return True
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await probe.close()
