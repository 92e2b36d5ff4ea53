"""query_plan_signals by plans that auto_explain has logged: found, cured, gone; and no literal."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import Evidence
from alerts.findings.queries.query_plan_signals import finding
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from collectors.logged_plans import logged_plans
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import user_tables
from monitor.server_log.watch import LogBook
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, supplied, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

TABLES = """
    create extension pg_stat_statements;
    create role app login;
    create table orders (id int primary key, state text, note text)
        with (autovacuum_enabled = off);
    insert into orders select n, 's' || n % 500, repeat('x', 800)
        from generate_series(1, 12000) n;
    grant select on orders to app;
    analyze;
"""
TEXT = "select id from orders where state = $1"


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers, psql: Psql) -> None:
    """In csvlog and in jsonlog, without schemas; values are in the log, and nowhere else."""
    options: dict[str, Any] = {
        "shared_preload_libraries": "pg_stat_statements,auto_explain",
        "auto_explain.log_min_duration": 0,
        "auto_explain.log_format": "json",
        "logging_collector": "on",
        "max_parallel_workers_per_gather": 0,
    }
    server = private_server(start=False, **options)
    kind = "csvlog" if server.binaries.major() == 14 else "jsonlog"
    server.configure({"log_destination": kind})
    server.start()
    await psql(server.dsn(), TABLES)
    book = LogBook.of(server.data / "log", Memory(), "it")
    book.read(1.0)
    recorder = Recorder(wants=finding.history)
    limits = replace(finding.limits, window=timedelta(minutes=5), min_calls=10, min_share=0.0)

    async def told(at: float) -> dict[object, Evidence]:
        async with connected(server.dsn(user="app")) as app:
            for _ in range(20):
                await app.fetch(TEXT.replace("$1", "'s7'"))
            await app.execute(f"select {at:.0f} as last")

        async def is_written() -> bool:
            book.read(1.0)
            return any(f"{at:.0f} as last" in path.read_text() for path in logs)

        logs = [p for p in (server.data / "log").iterdir() if p.suffix in (".json", ".csv")]
        await until(is_written, "the log is written")
        plans = book.read(1.0).plans
        assert "s7" not in repr(plans)
        async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
            asked = stat_statements, statement_texts, user_tables
            snapshot = await look(monitor, *asked, at=at, recorder=recorder)
        found = verdict_of(finding, supplied(snapshot, logged_plans, plans), limits=limits)
        return {one.evidence.facts["statement"]: one.evidence for one in found.subjects}

    assert await told(0) == {}
    facts = (await told(300))[TEXT].facts
    assert (facts["table"], facts["columns"]) == ("public.orders", "state")
    await psql(server.dsn(), "create index on public.orders (state); analyze public.orders;")
    assert TEXT not in await told(600)


@pytest.mark.versions(16, 18)
async def test_a_plan_of_a_statement_inside_a_function(
    private_server: PrivateServers, psql: Psql
) -> None:
    """It is that of the statement, and not of the one that calls the function."""
    server = private_server(
        shared_preload_libraries="pg_stat_statements,auto_explain",
        logging_collector="on",
        log_destination="jsonlog",
        max_parallel_workers_per_gather=0,
    )
    await psql(server.dsn(), TABLES)
    options = {"log_min_duration": 0, "log_format": "json", "log_verbose": 1}
    options |= {"log_nested_statements": 1}
    book = LogBook.of(server.data / "log", Memory(), "it")
    book.read(1.0)
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "create function found() returns bigint language plpgsql as"
            " $$ begin return (select count(*) from orders where state = 's7'); end $$;"
            "set pg_stat_statements.track = 'all';"
            + "".join(f"set auto_explain.{name} = '{value}';" for name, value in options.items())
        )
        await admin.fetch("select found()")
        ids = "select toplevel, queryid from pg_stat_statements where query like '%orders where%'"

        async def is_written() -> bool:
            rows = book.read(1.0).plans
            return any(node.relname == "orders" for row in rows for node in row.nodes)

        await until(is_written, "the plan is in the log")
        by_id = {row.query_id: row.nodes for row in book.read(1.0).plans}
        nested = {row["queryid"] for row in await admin.fetch(ids) if not row["toplevel"]}
    readers = {key for key, nodes in by_id.items() if any(n.relname == "orders" for n in nodes)}
    assert readers
    assert readers <= nested
