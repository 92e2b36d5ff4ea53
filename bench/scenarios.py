"""Scenarios: the contents of the measured servers, and the sessions connected to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice, product

import asyncpg

from bench.killed import swept
from collectors._capabilities import COLUMN_ORDER, COLUMN_STATISTICS, EXTENDED_STATISTICS
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres

ROLES = ("pgvigil", "postgres_exporter")
"""Each watcher has its own role, so that the server's statistics distinguish them."""
SETTINGS: Mapping[str, object] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "512MB",
    "max_connections": 600,
    "max_locks_per_transaction": 1024,
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": 10000,
    "pg_stat_statements.track_planning": "on",
    "autovacuum_naptime": "1d",
}
WIDE = [f"column_{n}" for n in range(20)]
AT_ONCE = 500
"""Number of relations created in one transaction."""


async def nothing(server: Postgres) -> None:
    """An idle server without any tables."""


def relations(tables: int, indexes_each: int) -> Callable[[Postgres], Awaitable[None]]:
    """Create empty tables without TOAST and their indexes in the database `shop`."""

    async def make(server: Postgres) -> None:
        index = "".join(
            f"execute format('create index t%s_i{n} on t%s (a)', n, n);"
            for n in range(1, indexes_each + 1)
        )
        block = (
            "do $$ begin for n in {first}..{last} loop"
            " execute format('create table t%s (a int, b int, c timestamptz)', n);"
            f" {index} end loop; end $$"
        )
        async with session(server, "shop") as admin:
            for first in range(1, tables + 1, AT_ONCE):
                last = min(first + AT_ONCE - 1, tables)
                await admin.execute(block.format(first=first, last=last))
            for catalogue in ("pg_class", "pg_index", "pg_attribute", "pg_depend", "pg_type"):
                await admin.execute(f"vacuum analyze pg_catalog.{catalogue}")

    return make


def analysed(tables: int) -> Callable[[Postgres], Awaitable[None]]:
    """Create tables that look large and analysed: their statistics are those of one of them.

    Sizes and rows are drawn, so that some look bloated; no row is stored but those of the first.
    """

    async def make(server: Postgres) -> None:
        async with session(server, "shop") as admin:
            for first in range(1, tables + 1, AT_ONCE):
                last = min(first + AT_ONCE - 1, tables)
                await admin.execute(ANALYSED.format(first=first, last=last))
            await admin.execute(MODEL)
            await admin.execute(COPIED)
            await admin.execute("select setseed(0.5)")
            await admin.execute(SIZED)
            for right in (COLUMN_STATISTICS, COLUMN_ORDER, EXTENDED_STATISTICS):
                await admin.execute(right.grant.replace("{role}", ROLES[0]))
            await admin.execute("vacuum analyze pg_catalog.pg_statistic")

    return make


ANALYSED = """
    do $$ begin for n in {first}..{last} loop
        execute format(
            'create table a%s (id bigint primary key, owner int not null, state text, code text,'
            ' note text, total numeric, price numeric, made timestamptz, sent timestamptz,'
            ' token uuid, is_paid bool, data jsonb)', n
        );
        execute format('create index on a%s (owner)', n);
        execute format('create index on a%s (made)', n);
        execute format('create index on a%s (code)', n);
    end loop; end $$
"""
MODEL = """
    insert into a1 select i, i % 100, 's' || i % 5, 'c' || i, repeat('x', i % 50), i, i / 7.0,
        now() + i * interval '1 s', case when i % 3 = 0 then now() end, gen_random_uuid(),
        i % 2 = 0, '{"a": 1}'
    from generate_series(1, 20000) i;
    analyze a1;
"""
COPIED = """
    insert into pg_catalog.pg_statistic
    select c.oid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
        stakind1, stakind2, stakind3, stakind4, stakind5, staop1, staop2, staop3, staop4, staop5,
        stacoll1, stacoll2, stacoll3, stacoll4, stacoll5,
        stanumbers1, stanumbers2, stanumbers3, stanumbers4, stanumbers5,
        stavalues1, stavalues2, stavalues3, stavalues4, stavalues5
    from pg_catalog.pg_statistic, pg_catalog.pg_class c
    where starelid = 'a1'::regclass and c.relname ~ '^a[0-9]+$' and c.relname <> 'a1'
        and c.relkind = 'r'
"""
SIZED = """
    with sizes as (
        select oid, (130 + power(random(), 4) * 100000)::int as pages, 20 + random() * 20 as rows
        from pg_catalog.pg_class where relname ~ '^a[0-9]+$' and relkind = 'r'
    ), of_tables as (
        update pg_catalog.pg_class c set relpages = pages, reltuples = pages * rows
        from sizes where c.oid = sizes.oid
    )
    update pg_catalog.pg_class c
    set relpages = greatest(2, pages / (2 + random() * 6)), reltuples = pages * rows
    from sizes join pg_catalog.pg_index on indrelid = sizes.oid where c.oid = indexrelid
"""


def databases(count: int) -> Callable[[Postgres], Awaitable[None]]:
    """Create additional databases, each a copy of an empty one."""

    async def make(server: Postgres) -> None:
        async with session(server) as admin:
            for n in range(count):
                await admin.execute(f"create database tenant_{n} strategy file_copy")

    return make


def wide_statements(count: int) -> Iterator[str]:
    """Yield that many statements that pg_stat_statements tells apart."""
    kinds = product(WIDE, WIDE, WIDE)
    for first, second, third in islice(kinds, count):
        yield f"select {first}, {second} from wide where {third} = 7"


def executed(count: int) -> Callable[[Postgres], Awaitable[None]]:
    """Execute that many distinct statements once, in the database `shop`."""

    async def make(server: Postgres) -> None:
        async with session(server, "shop") as admin:
            await admin.execute(f"create table wide ({' int, '.join(WIDE)} int)")
            for statement in wide_statements(count):
                await admin.execute(statement)

    return make


def repeated(count: int, each_second: float) -> Callable[[Postgres], Awaitable[None]]:
    """Execute these statements in turn, again and again."""

    async def work(server: Postgres) -> None:
        async with session(server, "shop") as application:
            for statement in cycle(wide_statements(count)):
                await application.execute(statement)
                await asyncio.sleep(1 / each_second)

    return work


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of server."""

    title: str
    prepare: Callable[[Postgres], Awaitable[None]] = nothing
    load: Callable[[Postgres], Awaitable[None]] = nothing
    """Work of an application, until it is cancelled."""
    sessions: int = 0
    """Number of idle sessions, each after a statement in its own transaction."""
    warm_up: float = 15.0
    """Seconds before the measurement of pgvigil begins."""
    period: float = 0.0
    """Minimum seconds of the measurement, so that it includes every query of pgvigil."""
    alone: bool = False
    """Whether it is measured without postgres_exporter."""
    flags: tuple[str, ...] = ()
    """Of pgvigil, beside the defaults."""
    probed: bool = False
    """Whether stalls of the event loop are sampled, which costs a little CPU time."""


SCENARIOS: Mapping[str, Scenario] = {
    "idle": Scenario("idle server"),
    "tables": Scenario(
        "10,000 tables, 20,000 indexes", relations(10_000, 2), warm_up=30, period=290
    ),
    "sessions": Scenario("500 sessions", sessions=500),
    "statements": Scenario(
        "5,000 statements, 500 sessions",
        executed(5000),
        load=repeated(5000, 200),
        sessions=500,
        warm_up=30,
        period=150,
        alone=True,
        probed=True,
    ),
    "databases": Scenario("200 databases", databases(200), warm_up=215),
    "relations": Scenario(
        "33,000 tables, 66,000 indexes",
        relations(33_000, 2),
        warm_up=15,
        period=290,
        alone=True,
        probed=True,
    ),
    "statistics": Scenario(
        "10,000 tables with statistics, slow paces quickened",
        analysed(10_000),
        warm_up=30,
        period=270,
        alone=True,
        flags=("--set", "paces.daily=2m", "--set", "paces.slow=1m"),
        probed=True,
    ),
}


@contextmanager
def built(scenario: Scenario) -> Iterator[Postgres]:
    """Start a server with the contents of the scenario, and remove it afterwards."""
    owner = Owner.unprivileged()
    server = Postgres(Binaries.of_wheel(), owner.scratch("bench-"), owner)
    with swept(server.folder):
        try:
            server.create(SETTINGS)
            server.start()
            asyncio.run(_furnish(server, scenario))
            yield server
        finally:
            server.remove()


async def _furnish(server: Postgres, scenario: Scenario) -> None:
    async with session(server) as admin:
        await admin.execute("create extension pg_stat_statements")
        for role in ROLES:
            await admin.execute(f"create role {role} login in role pg_monitor")
        await admin.execute("create database shop")
    await scenario.prepare(server)
    async with session(server) as admin:
        await admin.execute("checkpoint")


@asynccontextmanager
async def session(
    server: Postgres, database: str = "postgres"
) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Open a superuser's connection for the length of a block."""
    connection = await asyncpg.connect(server.dsn(database), timeout=30)
    try:
        yield connection
    finally:
        connection.terminate()


@asynccontextmanager
async def crowd(server: Postgres, size: int) -> AsyncIterator[None]:
    """Open sessions of an application, most of them idle, a few in a transaction."""
    async with AsyncExitStack() as all_of_them:
        for n in range(size):
            one = await all_of_them.enter_async_context(session(server, "shop"))
            await one.execute(f"set application_name = 'worker {n % 20}'")
            await one.execute("begin; select 1" if n % 50 == 0 else "select 1")
        yield


@asynccontextmanager
async def loaded(server: Postgres, scenario: Scenario) -> AsyncIterator[None]:
    """Keep the work of the scenario going for the length of a block."""
    work = asyncio.ensure_future(scenario.load(server))
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
