"""Findings that read texts, on a real server: ill, found, cured by what is printed, gone."""

from dataclasses import replace
from datetime import timedelta

from alerts._base import AnyFinding, Evidence
from alerts.findings.queries import (
    query_full_scan_large,
    query_function_on_column,
    query_large_offset,
    query_n_plus_one,
    query_soft_delete_unfiltered,
)
from alerts.history.recorder import Recorder
from collectors.extensions import extensions
from collectors.settings import settings
from collectors.soft_delete_columns import soft_delete_columns
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import user_tables
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

FINDINGS: tuple[AnyFinding, ...] = (
    query_full_scan_large.finding,
    query_function_on_column.finding,
    query_large_offset.finding,
    query_n_plus_one.finding,
    query_soft_delete_unfiltered.finding,
)
ASKED = (
    *(settings, extensions, stat_statements, statement_texts),
    *(user_tables, soft_delete_columns),
)
SMALL = {
    "window": timedelta(minutes=15),
    "min_calls": 15,
    "min_share": 0.0,
    "mean": timedelta(0),
    "min_blocks": 100,
}
"""A test can't keep a server busy for an hour."""
TABLES = """
    create extension pg_stat_statements;
    create table orders (id int primary key, number int, email text, note text)
        with (autovacuum_enabled = off);
    insert into orders select n, n, 'M' || n || '@example.com', repeat('x', 800)
        from generate_series(1, 10000) n;
    create table order_items (id int primary key, order_id int, deleted_at timestamptz, kind int);
    insert into order_items select n, n / 2 from generate_series(1, 1000) n;
    create index on order_items (order_id);
    analyze;
"""
GROWS = """
    insert into orders select n, n, null, repeat('x', 800) from generate_series(10001, 20000) n;
    analyze orders;
"""
SCANS = "select id from orders where number = 4711"
WRAPPED = "select id from orders where lower(email) = 'm4711@example.com'"
SKIPS = "select id from orders order by id limit 5 offset 9000"
OUTER = "select id from orders where id between 100 and 139"
INNER = "select id from order_items where order_id = {} and deleted_at is null"
LIVE = (
    "select id from order_items where id = 5 and deleted_at is null",
    "select order_id from order_items where id < 9 and deleted_at is null",
)
ALSO_DELETED = (
    "select i.id, i.order_id, i.kind, i.deleted_at from order_items i where i.order_id < 20",
    "select i.id, o.email from order_items i join orders o on o.id = i.order_id where o.id < 20",
    "with few as (select id from order_items where order_id < 20) select id from few",
)
BY_KEY = "select kind, order_id from order_items where id in (1, 2, 3, 4)"
COUNTED = "select seq_scan from pg_stat_user_tables where relname = 'orders'"
EXPECTED = {
    "query_full_scan_large": "select id from orders where number = $1",
    "query_function_on_column": "select id from orders where lower(email) = $1",
    "query_large_offset": "select id from orders order by id limit $1 offset $2",
    "query_n_plus_one": INNER.format("$1"),
    "query_soft_delete_unfiltered": ALSO_DELETED[0].replace("20", "$1"),
}


async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """Each names its statement; the index of an expression is printed, and serves it."""
    await database.execute(TABLES)
    recorder = Recorder(wants=[want for one in FINDINGS for want in one.history])

    async def act(*statements: str, loops: int = 0, scans: int = 0) -> None:
        """Execute each ten times, and wait until the sequential scans of the table are counted."""
        wanted = await database.fetchval(COUNTED) + scans
        session = await database.session(max_parallel_workers_per_gather="0")
        for statement in statements:
            for _ in range(10):
                await session.execute(statement)
        for _ in range(loops):
            for row in await session.fetch(OUTER):
                await session.execute(INNER.format(row["id"]))
        await database.report(session)
        seen = f"select ({COUNTED}) >= $1"
        await until(lambda: database.fetchval(seen, wanted), f"{wanted} scans are counted")

    async def told(at: float) -> dict[str, dict[object, Evidence]]:
        async with watching(dsn=database.monitor_dsn) as monitor:
            snapshot = await look(monitor, *ASKED, at=at, recorder=recorder)
        found: dict[str, dict[object, Evidence]] = {}
        for finding in FINDINGS:
            names = {name: v for name, v in SMALL.items() if hasattr(finding.limits, name)}
            verdict = verdict_of(finding, snapshot, limits=replace(finding.limits, **names))
            subjects = [subject.evidence for subject in verdict.subjects]
            found[finding.name] = {one.facts["statement"]: one for one in subjects}
        return found

    assert not any((await told(0)).values())
    for at in (300, 600, 900):
        await act(SCANS, WRAPPED, SKIPS, *ALSO_DELETED, BY_KEY, *LIVE, loops=4, scans=20)
        found = await told(at)
    assert {name: text for name, text in EXPECTED.items() if text not in found[name]} == {}
    deleted = found["query_soft_delete_unfiltered"]
    assert set(deleted) == {text.replace("20", "$1") for text in ALSO_DELETED}
    assert found["query_full_scan_large"][SCANS.replace("4711", "$1")].facts["table_scans"]
    await database.execute(GROWS)
    for at in (1200, 1500):
        await act(SCANS, scans=10)
        grown = (await told(at))["query_full_scan_large"]
    assert SCANS.replace("4711", "$1") in grown, (
        "on average it has read fewer blocks than the table has"
    )
    cure = found["query_function_on_column"][EXPECTED["query_function_on_column"]].cure
    await psql(database.dsn, "\n".join(cure))
    await database.execute("create index on orders (number)")
    await act(SCANS, WRAPPED, SCANS, WRAPPED)
    gone = await told(2000)
    assert {name: text for name, text in EXPECTED.items() if text in gone[name]} == {}
