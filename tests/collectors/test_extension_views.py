"""What extensions tell: statements, the buffer cache, and what is installed itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from collectors._base import AnyCollector, Bound
from collectors.buffercache_summary import buffercache_summary
from collectors.extensions import extensions
from collectors.stat_statements import Statement, stat_statements
from monitor.clock import Clock
from monitor.exposition.render import Renderer
from monitor.polling.reader import Place, Reader
from monitor.postgres.session import Session
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database, PrivateServers, connected
from tests.fixtures.until import until


async def rows(database: Database, collector: AnyCollector) -> Sequence[Any]:
    async with watching(dsn=database.monitor_dsn) as monitor:
        return (await look(monitor, collector)).rows(collector)


async def test_statements_are_those_of_the_view(database: Database) -> None:
    """Calls, rows and seconds of one statement, wherever the extension lives; no text."""
    await database.execute(
        'create schema "Ext"; create extension pg_stat_statements schema "Ext";'
        f'grant usage on schema "Ext" to {MONITOR}'
    )
    for _ in range(3):
        await database.fetch("select generate_series(1, 7) as marked")
    [expected] = await database.fetch(
        "select queryid, sum(calls)::int8 as calls, sum(rows)::int8 as rows,"
        " sum(total_exec_time) / 1000 as seconds, max(stddev_exec_time) / 1000 as stddev"
        ' from "Ext".pg_stat_statements'
        " where query like '%as marked' and dbid ="
        " (select oid from pg_database where datname = current_database()) group by queryid"
    )
    found: Sequence[Statement] = await rows(database, stat_statements)
    [mine] = [
        row for row in found if row.query_id == expected["queryid"] and row.datname == database.name
    ]
    assert (mine.calls, mine.rows) == (3, 21) == (expected["calls"], expected["rows"])
    assert mine.seconds == pytest.approx(expected["seconds"])
    assert (mine.user, mine.queryid) == ("postgres", str(expected["queryid"]))
    assert mine.mean_seconds == pytest.approx(mine.seconds / 3)
    assert mine.stddev_seconds == pytest.approx(expected["stddev"], rel=1e-3, abs=1e-9)
    assert mine.stats_reset is not None


async def test_wal_of_a_statement(database: Database) -> None:
    """Records and full pages, as the view counts them; nothing was planned for the counters."""
    await database.execute(
        "create extension pg_stat_statements; create table written (id int primary key)"
    )
    await database.execute("checkpoint")
    await database.fetch("insert into written select generate_series(1, 70)")
    counted = "queryid, plans, wal_records, wal_fpi"
    [expected] = await database.fetch(
        f"select {counted} from pg_stat_statements where query like 'insert into written%'"
        " and dbid = (select oid from pg_database where datname = current_database())"
    )
    found: Sequence[Statement] = await rows(database, stat_statements)
    [mine] = [
        row for row in found if row.query_id == expected["queryid"] and row.datname == database.name
    ]
    assert (mine.plans, mine.wal_records, mine.wal_fpi) == tuple(expected)[1:]
    assert mine.wal_records >= 70


def statement(number: int, seconds: float) -> Statement:
    return Statement(
        userid=10,
        dbid=number % 3,
        query_id=number,
        usename="app",
        datname=f"d{number % 3}",
        calls=1,
        seconds=seconds,
        plan_seconds=0.0,
        rows=1,
        shared_blocks_hit=1,
        shared_blocks_read=0,
        shared_blocks_dirtied=0,
        shared_blocks_written=0,
        local_blocks_hit=0,
        local_blocks_read=0,
        local_blocks_dirtied=0,
        local_blocks_written=0,
        temp_blocks_read=0,
        temp_blocks_written=0,
        min_seconds=0.0,
        max_seconds=1.0,
        square_seconds=1.0,
        wal_bytes=0,
        block_read_seconds=0.0,
        block_write_seconds=0.0,
        stats_reset=None,
    )


def test_a_hundred_statements_and_the_others() -> None:
    """The dearest of the whole server have a series each; the rest is one, and none is lost."""
    renderer = Renderer(stat_statements)
    renderer.render([statement(n, float(n)) for n in range(300)])
    fragments, served = renderer.render([statement(n, float(n) + 1) for n in range(300)])
    lines = fragments["pg_stat_statements_seconds_total"].samples.decode().splitlines()
    others = [line for line in lines if 'queryid="other"' in line]
    assert (len(lines), len(others), served.left_out) == (101, 1, 200)
    assert others[0].endswith('{user="other",datname="other",queryid="other"} 200.0')
    assert any('queryid="299"' in line for line in lines)


@pytest.mark.versions(14, 18)
async def test_the_others_never_fall(private_server: PrivateServers) -> None:
    """Neither when the server evicts statements, nor when all are reset."""
    scant: dict[str, Any] = {"pg_stat_statements.max": "100"}
    server = private_server(**scant)
    few = replace(stat_statements, bound=Bound(rank="seconds", top=10, within=""))
    renderer, others = Renderer(few), list[float]()
    async with connected(server.dsn()) as admin, watching(dsn=server.dsn(user=MONITOR)) as monitor:
        await admin.execute("create extension pg_stat_statements")
        for turn in range(6):
            for width in range(50):
                await admin.execute(f"select {', '.join('1' for _ in range(50 * turn + width))}")
            if turn == 3:
                await admin.execute("select pg_stat_statements_reset()")
            fragments, _ = renderer.render(
                (await look(monitor, stat_statements)).rows(stat_statements)
            )
            lines = fragments["pg_stat_statements_calls_total"].samples.decode().splitlines()
            others += [float(one.split()[-1]) for one in lines if 'queryid="other"' in one]
        dealloc = await admin.fetchval("select dealloc from pg_stat_statements_info")
    assert dealloc > 0
    assert others == sorted(others)
    assert others[-1] > others[0] == 0


@pytest.mark.versions(18)
async def test_an_extension_in_any_database_will_do(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Its view tells of the whole server; the place is forgotten when the database is gone."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create database shop")
        async with connected(server.dsn("shop")) as shop:
            await shop.execute("create extension pg_stat_statements")
        watched = await watch(server.dsn(user=MONITOR))

        async def told() -> bool:
            snapshot = watched.server.snapshot()
            if not snapshot.has(stat_statements):
                return False
            return {"postgres", "shop"} <= {row.datname for row in snapshot.rows(stat_statements)}

        await until(watched.has_looked_everywhere, "everything was asked once")
        await until(told, "statements of both databases are told from the one")
        assert watched.server.pacing.homes[stat_statements] == "shop"
        await admin.execute("drop database shop with (force)")

        async def forgotten() -> bool:
            return not watched.server.pacing.homes

        await until(forgotten, "nobody looks for it there any more")


async def test_no_extension_is_no_answer(database: Database) -> None:
    """Not an empty one: nobody looked."""
    async with watching(dsn=database.monitor_dsn) as monitor:
        assert not (await look(monitor, stat_statements)).has(stat_statements)


@pytest.mark.versions(16, 17, 18)
async def test_buffers_add_up(database: Database) -> None:
    """Used and unused are all there are."""
    await database.execute("create extension pg_buffercache")
    [summary] = await rows(database, buffercache_summary)
    buffers = await database.fetchval(
        "select setting::int from pg_settings where name = 'shared_buffers'"
    )
    assert summary.buffers_used + summary.buffers_unused == buffers
    assert summary.buffers_used > 0
    assert 0 < summary.usagecount_avg <= 5


async def test_extensions_and_their_updates(database: Database) -> None:
    """One that is older than its files says so."""
    new = await database.fetchval(
        "select default_version from pg_available_extensions where name = 'pg_stat_statements'"
    )
    old = "1.8"
    await database.execute(f"create extension pg_stat_statements version '{old}'")
    found = {row.extname: row for row in await rows(database, extensions)}
    assert (found["pg_stat_statements"].version, found["pg_stat_statements"].default_version) == (
        old,
        new,
    )
    assert found["pg_stat_statements"].can_be_updated is True
    assert found["plpgsql"].can_be_updated is False
    info = next(m for m in extensions.metrics if m.name == "pg_extension_info")
    assert ((database.name, "pg_stat_statements", old), 1) in list(
        info.samples(list(found.values()))
    )


async def test_one_that_is_made_later_is_found_by_the_same_session(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the finding that it is missing ends soon after its cure was pasted."""
    async with watching(dsn=database.monitor_dsn) as monitor:
        session, reader = await Session.of(monitor, 20), Reader(Clock())
        place = Place(session, None, None)
        assert (await reader.read(stat_statements, place, 20)).missing
        await database.execute("create extension pg_stat_statements")
        assert (await reader.read(stat_statements, place, 20)).missing, "it is not asked each time"
        monkeypatch.setattr("monitor.postgres.session.EXTENSIONS_HOLD", 0.0)
        assert (await reader.read(stat_statements, place, 20)).rows
