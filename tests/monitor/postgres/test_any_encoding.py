"""Names and queries in any encoding, on real servers: nothing is blind, and nothing misnamed."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from alerts._base import State
from alerts.raw_text import decode
from collectors.activity import activity
from collectors.databases import databases
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from monitor.address import Address
from monitor.demo.launcher import Postgres
from monitor.postgres.session import Session
from tests.fixtures.daemon import PATIENT, Watch, Watched
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

if TYPE_CHECKING:
    import asyncpg

pytestmark = pytest.mark.versions(14, 18)
CAFE = decode(b"caf\xe9")
"""The name of a database and of a table, in LATIN1."""
WEST = """
    create table café (größe int default 0);
    create index "é\nindex" on café (größe);
    create sequence zähler as smallint owned by café.größe;
    create schema "sché";
    create table "sché".enfant () inherits (café);
    comment on table café is 'pgvigil:ignore été';
    insert into café select generate_series(1, 100);
    create role "rôle" login superuser;
    alter role "rôle" set work_mem = '5MB';
    alter database latin1 set "é.é" = 'é';
    analyze
"""
"""What asyncpg sends as UTF-8 and PostgreSQL converts."""
ENCODINGS = ("latin1", "sql_ascii", "euc_jp", "euc_tw", "mule_internal", "koi8r")
ANY_BYTES = """
    do $$ begin
        execute convert_from(
            'create table '::bytea || decode('636166e9', 'hex') || ' ()', 'SQL_ASCII'
        );
    end $$
"""


@pytest.fixture
async def server(private_server: PrivateServers) -> Postgres:
    """A server with databases in several encodings, one with a name that is not UTF-8."""
    server = private_server(autovacuum="off")
    like = "template template0 lc_collate 'C' lc_ctype 'C'"
    async with connected(server.dsn()) as admin:
        for encoding in ENCODINGS:
            await admin.execute(f"create database {encoding} encoding '{encoding}' {like}")
    async with connected(server.dsn("latin1")) as west:
        await west.execute(f"create database café encoding 'LATIN1' {like}")
        await west.execute(WEST)
    async with connected(server.dsn("sql_ascii")) as any_bytes:
        await any_bytes.execute(ANY_BYTES)
    async with connected(server.dsn("euc_jp")) as east:
        await east.execute("create table 表 ()")
    # No codec of Python reads EUC_TW, and PostgreSQL converts nothing to MULE_INTERNAL.
    async with connected(server.dsn("euc_tw")) as east:
        await east.execute("create table 表 ()")
    async with connected(server.dsn("koi8r")) as north:
        await north.execute("create table яя ()")
    return server


@asynccontextmanager
async def waiting(server: Postgres) -> AsyncIterator[None]:
    """A session that is idle after é, and three that wait for a lock, all with é in their texts."""
    async with AsyncExitStack() as stack:

        async def session() -> "asyncpg.Connection[asyncpg.Record]":
            return await stack.enter_async_context(connected(server.dsn("latin1")))

        holder, *others = [await session() for _ in range(4)]
        await holder.execute("set application_name = 'é'; begin; lock table café; select 'é' --é")
        tasks = [asyncio.create_task(one.execute("table café --é")) for one in others]
        try:
            yield
        finally:
            await holder.execute("rollback")
            await asyncio.gather(*tasks, return_exceptions=True)


def errors(watched: Watched) -> dict[tuple[str, str | None], str]:
    """What went wrong, by collector and database."""
    entries = watched.server.round_log.entries()
    return {(c.name, database): s.error or "" for c, database, s in entries if s.failures}


async def test_nothing_goes_blind(server: Postgres, watch: Watch) -> None:
    """A pile-up among sessions whose texts are LATIN1 is seen, and every database is read."""
    async with waiting(server):
        patient = {"deadline": "60s"}  # a machine that is busy is no error
        watched = await watch(server.dsn(), **patient, **{"findings.lock_wait_long.waits": "1s"})
        await watched.until_seen()

        async def is_seen() -> bool:
            return watched.verdict("lock_wait_long").state is State.ill

        await until(is_seen, "the pile-up is seen")
        names = {"postgres", *ENCODINGS, CAFE}
        with_tables = {*ENCODINGS} - {"mule_internal"}
        assert set(watched.server.databases.names) == names
        answers = watched.server.answers.newest

        async def is_read_everywhere() -> bool:
            return {row.datname for row in answers[user_tables].rows} >= with_tables

        await until(is_read_everywhere, "tables are read in all of them")
        assert errors(watched) == {}
        assert CAFE in {row.datname for row in answers[databases].rows}
        queries = {row.query for row in answers[activity].rows}
        assert decode("table café --é".encode("latin-1")) in queries
        tables = {(row.datname, row.relname) for row in answers[user_tables].rows}
        # In the encoding of their database, as a session there shows them, or as bytes.
        assert {("latin1", "café"), ("euc_jp", "表"), ("koi8r", "яя")} <= tables
        assert {("sql_ascii", CAFE), ("euc_tw", decode(b"\xcf\xd0"))} <= tables
        indexes = {(row.schemaname, row.indexrelname) for row in answers[user_indexes].rows}
        assert ("public", "é\nindex") in indexes


async def test_an_address_leads_to_a_name_of_bytes(server: Postgres) -> None:
    """Of the database and of the role, as libpq takes them: percent-encoded."""
    dsn = server.dsn("DATABASE", "ROLE").replace("DATABASE", "caf%E9").replace("ROLE", "r%F4le")
    session = await Session.open(Address.of(dsn, {}), None, 10, 20)
    assert session.identity.database == CAFE
    assert session.identity.role == decode("rôle".encode("latin-1"))
    await session.close()


def run(server: Postgres, *words: str) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, **PATIENT, "PGVIGIL_DSN": server.dsn()}
    return subprocess.run(
        [sys.executable, "-m", "monitor", *words], env=environment, capture_output=True, check=False
    )


async def test_commands_speak(server: Postgres) -> None:
    """`check` and `doctor` print UTF-8 and no traceback; a reason names the database as escapes."""
    async with waiting(server):
        report, found, told = (
            run(server, "check", "--format", "text"),
            run(server, "check", "--format", "json"),
            run(server, "doctor"),
        )
    for done in (report, found, told):
        assert b"Traceback" not in done.stderr
        done.stdout.decode("utf-8")
    servers = json.loads(found.stdout)["servers"]
    assert servers[0]["up"] is True


async def test_setup_sql_grants_in_it(server: Postgres, psql: Psql) -> None:
    """By its name, or as one of all databases."""
    for flags in ((), ("--database", os.fsdecode(b"caf\xe9"))):
        role = f"watcher{len(flags)}"
        done = run(server, "setup-sql", "--role", role, *flags)
        assert done.returncode == 0, done.stderr
        await psql(server.dsn(), done.stdout.decode("utf-8"))
        session = await Session.open(Address.of(server.dsn(), {}), CAFE, 10, 20)
        [may] = await session.fetch(
            f"select has_column_privilege('{role}', 'pg_statistic', 'stawidth', 'select')", 20
        )
        assert may[0] is True
        await session.close()
