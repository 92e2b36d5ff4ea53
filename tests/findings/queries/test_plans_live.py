"""Findings that read plans, on real servers: ill, found by the planner, cured, gone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts._base import AnyFinding, Evidence
from alerts.findings.queries import extended_statistics_candidate, query_plan_signals
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from collectors.extensions import extensions
from collectors.settings import settings
from monitor.planner import choice
from monitor.postgres.plans_role_sql import statements
from tests.fixtures.one_look import verdict_of
from tests.fixtures.plan_desk import Desk, visit, visits_of
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

TABLES = """
    create extension pg_stat_statements;
    create role app login;
    create table customers (id int primary key, region text) with (autovacuum_enabled = off);
    create table orders (id int primary key, customer_id int, state text, note text)
        with (autovacuum_enabled = off);
    insert into customers select n, 'r' || n % 100 from generate_series(1, 1000) n;
    insert into orders select n, n % 1000, 's' || n % 500, repeat('x', 800)
        from generate_series(1, 12000) n;
    create table places (id int, city text, country text) with (autovacuum_enabled = off);
    insert into places select n, 'city ' || n % 40, 'country ' || n % 20
        from generate_series(1, 12000) n;
    grant select on all tables in schema public to app;
"""
JOIN = "select o.id from orders o join customers c on c.id = o.customer_id where o.state = 's7'"
DEPENDENT = "select id from places where city = 'city 7' and country = 'country 7'"
EVEN = "select id from places where city = 'city 7' and id = 47"
JOINED = JOIN.replace("'s7'", "$1")


async def test_found_and_cured(
    private_server: PrivateServers, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A join reads all of a table for few rows; the table and the column are named."""
    monkeypatch.setattr(choice, "SOON", 0.0)
    server = private_server(max_parallel_workers_per_gather=0)
    await psql(server.dsn(), TABLES + "\n".join(statements("plans", ["postgres"])))
    finding, candidate = query_plan_signals.finding, extended_statistics_candidate.finding
    await psql(server.dsn(), "analyze")  # in a session of its own: it counts what came before
    desk, memory = Desk(), Memory()
    recorder = Recorder(wants=(*finding.history, *candidate.history))
    visits = visits_of(server, desk, "plans", memory)
    brief = {"window": timedelta(minutes=5), "min_calls": 10, "min_share": 0.0}

    async def told(at: float, one: AnyFinding = finding) -> dict[object, Evidence]:
        async with connected(server.dsn(user="app")) as app:
            for _ in range(20):
                for statement in (JOIN, DEPENDENT, EVEN):
                    await app.execute(statement)
        snapshot = await visit(visits, desk, server, recorder, settings, extensions, at=at)
        found = verdict_of(one, snapshot, limits=replace(one.limits, **brief)).subjects
        return {ill.evidence.facts["statement"]: ill.evidence for ill in found}

    async def counted(table: str, statements: str) -> None:
        """Paste them; an ANALYZE among them is in the statistics when it returns."""
        async with connected(server.dsn()) as admin:
            before = await admin.fetchval("select clock_timestamp()")
            await psql(server.dsn(), statements)
            seen = "select last_analyze > $1 from pg_stat_user_tables where relname = $2"
            await until(lambda: admin.fetchval(seen, before, table), f"the ANALYZE of {table}")

    assert await told(0) == {}
    evidence = (await told(300))[JOINED]
    facts = evidence.facts
    assert (facts["table"], facts["columns"]) == ("public.orders", "state")
    assert "s7" not in repr(desk.rows)
    await psql(server.dsn(), evidence.check)
    await counted("orders", "create index on public.orders (state); analyze public.orders;")
    assert JOINED not in await told(600)

    [(text, evidence)] = (await told(900, candidate)).items()
    assert text == "select id from places where city = $1 and country = $2"
    assert evidence.facts["columns"] == "city, country"
    await counted("places", "\n".join((evidence.check, *evidence.cure)))
    assert await told(1200, candidate) == {}
    [(before, after)] = visits.book.mended
    assert before < 50 < 250 < after
