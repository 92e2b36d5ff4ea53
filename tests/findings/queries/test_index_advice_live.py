"""query_index_advice on a real server with HypoPG: advised, built as printed, remembered, gone."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from alerts.findings.queries.query_index_advice import finding
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.extensions import extensions
from collectors.index_advice import IndexAdvice
from collectors.settings import settings
from monitor.demo.launcher import Postgres
from monitor.planner import advice as adviser
from monitor.planner import choice
from monitor.planner.advice_book import AdviceBook
from monitor.planner.candidates import rest
from monitor.postgres.plans_role_sql import statements
from tests.fixtures.debian import Debian, debian
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import verdict_of
from tests.fixtures.plan_desk import Desk, visit, visits_of
from tests.fixtures.postgres import Psql, connected

__all__ = ["debian"]

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


async def test_advised_built_and_remembered(
    debian: Debian, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown without the extension; then an index is advised, and the printed one is built."""
    monkeypatch.setattr(choice, "SOON", 0.0)
    server = debian()
    role = f"create extension pg_stat_statements; create role {MONITOR} login in role pg_monitor;"
    await psql(server.dsn(), role + TABLES + "\n".join(statements("plans", ["postgres"])))
    memory, desk, recorder = Memory(), Desk(), Recorder(wants=finding.history)
    visits = visits_of(server, desk, "plans", memory)
    limits = replace(finding.limits, window=timedelta(minutes=5), min_calls=10)

    async def told(at: float) -> Verdict:
        async with connected(server.dsn(user="app")) as app:
            for _ in range(20):
                await app.execute(LIST)
                await app.execute(BY_KEY)
        snapshot = await visit(visits, desk, server, recorder, settings, extensions, at=at)
        return verdict_of(finding, snapshot, limits=limits)

    await told(0)
    lacking = await told(300)
    assert [one.reason for one in lacking.unjudged if "hypopg" in one.reason]
    await psql(server.dsn(), "create extension hypopg")
    with monkeypatch.context() as hurried:
        hurried.setattr(adviser, "LONGEST", -1.0)
        assert (await told(600)).subjects == ()
    assert visits.late, "what was not tried in time is tried again"
    [ill] = (await told(900)).subjects
    evidence = ill.evidence
    [advice] = desk.advice
    assert advice.columns[0] == "customer"
    assert advice.cost_after <= 0.8 * advice.cost_before
    assert str(evidence.facts["index"]) in evidence.message
    assert all(one.ratio <= 1.1 for one in advice.others)
    await psql(server.dsn(), "\n".join((evidence.check, *evidence.cure)))

    async with connected(server.dsn()) as admin:
        size = await admin.fetchval(
            "select sum(pg_relation_size(indexrelid)) from pg_index"
            " where indrelid = '\"Shop''s\".orders'::regclass and not indisprimary"
            " and indexrelid::regclass::text like '%advised%'"
        )
    assert size <= 1.3 * advice.size_bytes
    predicted = advice.cost_after
    assert (await told(1200)).subjects == ()
    [done] = desk.advice
    assert done.done_at is not None
    assert done.cost_after == pytest.approx(predicted, rel=0.2)
    assert AdviceBook.of(memory, "it").known == {done.key: done}
    await check_way_back(server, psql, evidence.cure, done)


async def check_way_back(
    server: Postgres, psql: Psql, cure: tuple[str, ...], done: IndexAdvice
) -> None:
    """The last line of the cure takes the index away."""
    await psql(server.dsn(), cure[-1].partition("way back: ")[2])
    async with connected(server.dsn()) as admin:
        gone = "select count(*) from pg_class where relname like '%advised%'"
        assert await admin.fetchval(gone) == 0, done


PARTS = "".join(
    f"""
    create table "Shop's".part{n} (id int, customer int) with (autovacuum_enabled = off);
    insert into "Shop's".part{n} select i, i * {1 + n % 2} from generate_series(1, {n * n * 20}) i;
    """
    for n in range(1, 6)
)
JOINED = (
    "select count(*) from orders o join part1 p1 on p1.customer = o.customer"
    " join part2 p2 on p2.id = o.id join part3 p3 on p3.id = o.id and p3.customer > p1.id"
    " join part4 p4 on p4.customer = p1.customer join part5 p5 on p5.id = o.id + 1"
)
CHANCES = [(pool, seed / 100) for pool in (5, 3, 8) for seed in range(100)]
"""Sizes of the pool, and seeds, of a planner that looks at a few ways by chance."""


async def test_another_statement_would_suffer(
    debian: Debian, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A join that is planned by chance gets dearer with an index that is advised without it."""
    monkeypatch.setattr(choice, "LEAST", 0.0)
    server = debian()
    role = f"create extension pg_stat_statements; create role {MONITOR} login in role pg_monitor;"
    grant = "grant select on all"
    made = "create extension hypopg;" + TABLES.replace(grant, PARTS + grant)
    await psql(server.dsn(), role + made + "\n".join(statements("plans", ["postgres"])))

    async def advised() -> tuple[IndexAdvice, ...]:
        desk, recorder = Desk(), Recorder(wants=finding.history)
        visits = visits_of(server, desk, "plans", Memory())
        for at in (0, 300):
            async with connected(server.dsn(user="app")) as app:
                for statement in (*(20 * [LIST]), JOINED):
                    await app.execute(statement)
            await visit(visits, desk, server, recorder, settings, extensions, at=at)
        assert desk.of("select count(*) from orders").nodes
        return tuple(desk.advice)

    [advice] = await advised()
    assert [one.ratio for one in advice.others if one.ratio > 1.02] == []
    for name, value in (await unlucky(server, advice)).items():
        await psql(server.dsn(), f"alter role app set {name} = {value}")
    assert await advised() == ()


async def unlucky(server: Postgres, advice: IndexAdvice) -> dict[str, float]:
    """Settings with which the join gets dearer by the index."""
    index = rest(advice.columns, advice.included, advice.null_column)
    async with connected(server.dsn()) as admin:
        await admin.execute('set search_path = "Shop\'s", public; set geqo_threshold = 2')
        for pool, seed in CHANCES:
            chosen = {"geqo_pool_size": pool, "geqo_generations": pool, "geqo_seed": seed}
            for name, value in chosen.items():
                await admin.execute(f"set {name} = {value}")
            before = await cost_of(admin)
            create = f'create index on "Shop\'s".orders {index}'
            await admin.fetchval("select hypopg_create_index($1)", create)
            after = await cost_of(admin)
            await admin.fetchval("select hypopg_reset()")
            if after > 1.15 * before:
                return {"geqo_threshold": 2, **chosen}
    raise AssertionError("no seed makes it dearer")


async def cost_of(admin: "asyncpg.Connection[asyncpg.Record]") -> float:
    [first, *_] = await admin.fetch(f"explain {JOINED}")
    return float(first[0].partition("..")[2].partition(" ")[0])


@pytest.mark.parametrize(
    ("index", "statement"),
    [
        (
            'create index kept on "Shop\'s".orders (customer, state, at) where id < 0',
            LIST,
        ),
        (
            'create index kept on "Shop\'s".orders (customer)',
            "select state from orders where customer = 7 and state <> 's2'",
        ),
    ],
)
async def test_an_index_that_serves_less_is_not_the_advised_one(
    debian: Debian,
    psql: Psql,
    monkeypatch: pytest.MonkeyPatch,
    index: str,
    statement: str,
) -> None:
    """Beside a partial index, or one without the columns that are stored, the advice stays."""
    monkeypatch.setattr(choice, "SOON", 0.0)
    server = debian()
    role = f"create extension pg_stat_statements; create role {MONITOR} login in role pg_monitor;"
    made = f'create extension hypopg; {TABLES} {index};\nvacuum analyze "Shop\'s".orders;'
    await psql(server.dsn(), "\n".join((role, made, *statements("plans", ["postgres"]))))
    desk, recorder = Desk(), Recorder(wants=finding.history)
    visits = visits_of(server, desk, "plans", Memory())
    limits = replace(finding.limits, window=timedelta(minutes=5), min_calls=10)

    async def told(at: float) -> Verdict:
        async with connected(server.dsn(user="app")) as app:
            for _ in range(20):
                await app.execute(statement)
        snapshot = await visit(visits, desk, server, recorder, settings, extensions, at=at)
        return verdict_of(finding, snapshot, limits=limits)

    await told(0)
    for at in (300, 600, 900):
        [ill] = (await told(at)).subjects
    [advice] = desk.advice
    assert advice.done_at is None
    await psql(server.dsn(), "\n".join(ill.evidence.cure))
    assert (await told(1200)).subjects == ()
    [done] = desk.advice
    assert done.done_at is not None
