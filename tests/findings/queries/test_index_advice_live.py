"""query_index_advice on a real server with HypoPG: advised, built as printed, remembered, gone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.findings.queries.query_index_advice import finding
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.extensions import extensions
from collectors.index_advice import IndexAdvice
from collectors.settings import settings
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres
from monitor.planner import choice
from monitor.planner.advice_book import AdviceBook
from monitor.postgres.plans_role_sql import statements
from tests.fixtures.farm import MONITOR, SETTINGS
from tests.fixtures.one_look import verdict_of
from tests.fixtures.plan_desk import Desk, visit, visits_of
from tests.fixtures.postgres import Psql, connected
from tests.fixtures.requirements import Missing

DEBIAN = Path("/usr/lib/postgresql/15/bin")
CONTROL = Path("/usr/share/postgresql/15/extension/hypopg.control")
TABLES = """
    create role app login;
    create schema "Shop's";
    grant usage on schema "Shop's" to app;
    create table "Shop's".orders (
        id int primary key, customer int, state text, at timestamptz, deleted_at timestamptz,
        note text
    ) with (autovacuum_enabled = off);
    insert into "Shop's".orders select n, n % 2000, 's' || n % 5, now() - n * interval '1 minute',
        case when n % 10 > 0 then now() end, repeat('x', 500) from generate_series(1, 30000) n;
    grant select on all tables in schema "Shop's" to app;
    alter role app set search_path = "Shop's";
    analyze;
"""
LIST = "select note from orders where customer = 7 and state = 's2' order by at limit 5"
BY_KEY = "select note from orders where id = 11"


@pytest.fixture
def debian(missing: Missing) -> Iterator[Postgres]:
    if not CONTROL.exists():
        missing.leave_out("HypoPG", "apt-get install postgresql-15-hypopg")
    owner = Owner.unprivileged()
    server = Postgres(Binaries.at(DEBIAN), owner.scratch(), owner)
    try:
        server.create({**SETTINGS, "max_parallel_workers_per_gather": 0})
        server.start()
        yield server
    finally:
        server.remove()


async def test_advised_built_and_remembered(
    debian: Postgres, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown without the extension; then an index is advised, and the printed one is built."""
    monkeypatch.setattr(choice, "SOON", 0.0)
    role = f"create extension pg_stat_statements; create role {MONITOR} login in role pg_monitor;"
    await psql(debian.dsn(), role + TABLES + "\n".join(statements("plans", ["postgres"])))
    memory, desk, recorder = Memory(), Desk(), Recorder(wants=finding.history)
    visits = visits_of(debian, desk, "plans", memory)
    limits = replace(finding.limits, window=timedelta(minutes=5), min_calls=10)

    async def told(at: float) -> Verdict:
        async with connected(debian.dsn(user="app")) as app:
            for _ in range(20):
                await app.execute(LIST)
                await app.execute(BY_KEY)
        snapshot = await visit(visits, desk, debian, recorder, settings, extensions, at=at)
        return verdict_of(finding, snapshot, limits=limits)

    await told(0)
    lacking = await told(300)
    assert [one.reason for one in lacking.unjudged if "hypopg" in one.reason]
    await psql(debian.dsn(), "create extension hypopg")
    [ill] = (await told(600)).subjects
    evidence = ill.evidence
    [advice] = desk.advice
    assert advice.columns[0] == "customer"
    assert advice.cost_after <= 0.8 * advice.cost_before
    assert str(evidence.facts["index"]) in evidence.message
    assert all(one.ratio <= 1.1 for one in advice.others)
    await psql(debian.dsn(), "\n".join((evidence.check, *evidence.cure)))

    async with connected(debian.dsn()) as admin:
        size = await admin.fetchval(
            "select sum(pg_relation_size(indexrelid)) from pg_index"
            " where indrelid = '\"Shop''s\".orders'::regclass and not indisprimary"
            " and indexrelid::regclass::text like '%advised%'"
        )
    assert size <= 1.3 * advice.size_bytes
    predicted = advice.cost_after
    assert (await told(900)).subjects == ()
    [done] = desk.advice
    assert done.done_at is not None
    assert done.cost_after == pytest.approx(predicted, rel=0.2)
    assert AdviceBook.of(memory, "it").known == {done.key: done}
    await check_way_back(debian, psql, evidence.cure, done)


async def check_way_back(
    server: Postgres, psql: Psql, cure: tuple[str, ...], done: IndexAdvice
) -> None:
    """The last line of the cure takes the index away."""
    await psql(server.dsn(), cure[-1].partition("way back: ")[2])
    async with connected(server.dsn()) as admin:
        gone = "select count(*) from pg_class where relname like '%advised%'"
        assert await admin.fetchval(gone) == 0, done
