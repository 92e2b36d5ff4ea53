"""Vacuums that are caught at work: they wait for a page that a reader has open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from alerts._base import AnyFinding, Evidence
from alerts.findings.vacuum.autovacuum_overdue import finding as autovacuum_overdue
from alerts.findings.vacuum.vacuum_failsafe import finding as vacuum_failsafe
from alerts.findings.vacuum.vacuum_multi_index_pass import finding as multi_index_pass
from alerts.history.recorder import Recorder
from collectors.progress_vacuum import progress_vacuum
from collectors.settings import settings
from collectors.user_tables import user_tables
from monitor.demo.launcher import Postgres
from tests.findings.vacuum.test_vacuum_story import HISTORY, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

ROWS = 240_000
"""More dead rows than a megabyte of memory holds before 17: 174,762."""
TABLE = "CREATE TABLE orders (id int); CREATE INDEX orders_id ON orders (id);"
FILLED = f"""
    TRUNCATE orders;
    INSERT INTO orders SELECT generate_series(1, {ROWS + 1});
    DELETE FROM orders WHERE id <= {ROWS};
"""
ENOUGH = "ALTER SYSTEM SET maintenance_work_mem = '256MB'; SELECT pg_reload_conf();"
WAITS = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'BufferPin'"


@asynccontextmanager
async def held(server: Postgres, row: int, *before: str) -> AsyncIterator[None]:
    """A vacuum of the table that waits for the page of a row, when these statements were run.

    It does not wait where the page needs nothing: an autovacuum was there first, or another
    transaction keeps it from freezing the row. Then the row is written anew.
    """
    async with connected(server.dsn()) as reader, connected(server.dsn()) as vacuum:
        while True:
            await reader.execute(
                f"BEGIN; DECLARE c CURSOR FOR SELECT ctid FROM orders WHERE id = {row}"
            )
            await reader.execute("FETCH c")
            for statement in before:
                await vacuum.execute(statement)
            before = ()
            work = asyncio.ensure_future(vacuum.execute("VACUUM (FREEZE) orders"))
            try:
                if await waits(server, work):
                    yield
                    return
            finally:
                await reader.execute("ROLLBACK")
                await work
            await vacuum.execute(f"UPDATE orders SET id = id WHERE id = {row}")


async def waits(server: Postgres, work: "asyncio.Future[str] | None" = None) -> bool:
    """Watch from outside, until a vacuum waits or, where it is given, has ended: then False.

    A transaction sees the activity of its first look only.
    """
    async with connected(server.dsn()) as other:

        async def seen() -> str:
            if await other.fetchval(WAITS):
                return "waits"
            return "ended" if work is not None and work.done() else ""

        return await until(seen, "a vacuum waits for the page") == "waits"


async def found(server: Postgres, finding: AnyFinding) -> list[Evidence]:
    """What is told of the table that is held; autovacuum may be at another."""
    async with watching(dsn=server.dsn(user=MONITOR)) as session:
        collectors = user_tables, progress_vacuum, settings
        snapshot = await look(session, *collectors, recorder=Recorder(finding.history))
    told = [subject.evidence for subject in verdict_of(finding, snapshot).subjects]
    return [evidence for evidence in told if evidence.subject == "public.orders"]


@pytest.mark.versions(14, 16)
async def test_more_dead_rows_than_fit_into_memory(
    private_server: PrivateServers, psql: Psql
) -> None:
    """Found after the first pass over the indexes; with the memory that it prints one is enough."""
    server = private_server(autovacuum="off", maintenance_work_mem="1MB")
    await psql(server.dsn(), TABLE + "INSERT INTO orders VALUES (1)")
    async with held(server, 1):
        assert await found(server, multi_index_pass) == [], "it is the only pass"
    await psql(server.dsn(), FILLED)
    async with held(server, ROWS + 1):
        [one] = await found(server, multi_index_pass)
    assert one.message.startswith("The vacuum of public.orders reads all its indexes 2 times")
    assert (one.value, one.facts["memory_bytes"]) == (2, 1024**2)
    assert "ALTER SYSTEM SET maintenance_work_mem = '256MB'" in "\n".join(one.cure)
    await psql(server.dsn(), f"{one.check} {ENOUGH} {FILLED}")
    async with held(server, ROWS + 1):
        assert await found(server, multi_index_pass) == []


AGED = """
    CREATE TABLE burnt (id int);
    DO $$ BEGIN
        FOR n IN 1..110000 LOOP
            BEGIN INSERT INTO burnt VALUES (n); EXCEPTION WHEN division_by_zero THEN END;
        END LOOP;
    END $$;
"""
"""A block with a handler takes a transaction ID of its own."""


@pytest.mark.versions(14, 18)
async def test_the_failsafe(private_server: PrivateServers, psql: Psql) -> None:
    """PostgreSQL says so itself; afterwards the indexes are cleaned as the cure says.

    Autovacuum begins at once on so old a table, also where it is off; it waits as well.
    """
    server = private_server(
        autovacuum="off",
        autovacuum_freeze_max_age=100_000,
        vacuum_failsafe_age=0,
        vacuum_freeze_min_age=0,
    )
    await psql(server.dsn(), "CREATE TABLE orders (id int PRIMARY KEY)")
    await psql(server.dsn(), "INSERT INTO orders SELECT generate_series(1, 1000)")
    async with held(server, 1):
        assert await found(server, vacuum_failsafe) == []
    await psql(server.dsn(), "UPDATE orders SET id = id + 1000 WHERE id > 500")
    async with held(server, 1501, AGED):
        [one] = await found(server, vacuum_failsafe)
        assert float(str(one.facts["failsafe_age_share"])) > 1
    assert "bypassing nonessential maintenance" in server.log.read_text(errors="replace")
    await psql(server.dsn(), one.check)
    [last] = [line.removeprefix("-- ") for line in one.cure if "INDEX_CLEANUP" in line]
    await psql(server.dsn(), last + " INSERT INTO orders VALUES (0);")
    async with held(server, 0):
        assert await found(server, vacuum_failsafe) == [], "it is frozen"


DUE = """
    CREATE TABLE orders (id int) WITH (autovacuum_enabled = off);
    INSERT INTO orders SELECT generate_series(1, 5000);
    DELETE FROM orders WHERE id > 100;
"""


@pytest.mark.versions(14, 18)
async def test_a_worker_that_is_just_slow(private_server: PrivateServers, psql: Psql) -> None:
    """It neither sleeps nor was it cancelled: it is at the table, and will be done."""
    server = private_server(
        autovacuum_naptime="1s", vacuum_freeze_table_age=0, vacuum_freeze_min_age=0
    )
    await psql(server.dsn(), DUE)
    async with watching(dsn=server.dsn(user=MONITOR)) as session, connected(server.dsn()) as reader:
        watched = Watched(session, "postgres", Recorder(HISTORY))
        await reader.execute("BEGIN; DECLARE c CURSOR FOR SELECT ctid FROM orders WHERE id = 1")
        await reader.execute("FETCH c")
        await psql(server.dsn(), "ALTER TABLE orders RESET (autovacuum_enabled)")
        await waits(server)

        async def is_known() -> bool:
            late = await watched.found(autovacuum_overdue)
            return [one.facts["cause"] for one in late] == ["running"]

        await until(is_known, "the worker is seen")
        [late] = watched.now(autovacuum_overdue)
        assert "a worker has been at it for" in late.message
        await psql(server.dsn(), late.check)
        await reader.execute("ROLLBACK")
        await watched.until_gone(autovacuum_overdue)
