"""Poolers beside their servers: facts on the page, the server behind each, and their comings."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alerts._base import State
from alerts.history.memory import Memory
from collectors.pooler_connection import PoolerCause
from monitor.clock import Clock
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.poolers import pooler_plans
from monitor.config.watch_plan import plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.look_once import look
from monitor.poolers import Poolers
from monitor.scheduler import Schedule
from monitor.views.overview import Overview
from tests.fixtures.daemon import QUICK
from tests.fixtures.farm import MONITOR
from tests.fixtures.pooler import Pooler, behind
from tests.fixtures.pooler import Poolers as Begin
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(18)


def flags(database: Database, **poolers: Pooler) -> dict[str, str]:
    server = {"servers.db.dsn": database.server.dsn("postgres", MONITOR)}
    return server | {f"poolers.{name}.dsn": one.dsn() for name, one in poolers.items()}


def until_true(what: Callable[[], bool], why: str) -> Awaitable[bool]:
    async def ask() -> bool:
        return what()

    return until(ask, why)


async def test_one_look_at_a_server_and_its_pooler(pooler: Begin, database: Database) -> None:
    """The server behind is found by its address; with two poolers each knows of the other."""
    first = await pooler({"shop": behind(database)}, pool_mode="transaction")
    second = await pooler({"shop": "host=10.9.8.7"})
    async with first.client("shop") as client:
        await client.execute("select 1")
        wanted = flags(database, first=first, second=second)
        settings = load(wanted, {}, settings_type())
        seen = await look(settings, {})
    one, other = seen.poolers
    assert (one.name, one.up, one.behind) == ("first", True, ("db",))
    [line] = one.pools
    assert (line.database, line.user, line.mode, line.size) == (
        "shop",
        "postgres",
        "transaction",
        20,
    )
    assert (line.clients, line.waiting, line.is_paused) == (1, 0, False)
    assert (other.up, other.behind, other.pools) == (True, (), ())
    named = load(wanted | {"poolers.second.servers": "db"}, {}, settings_type())
    assert (await look(named, {})).poolers[1].behind == ("db",)


async def test_the_pool_behind_a_session_of_the_server(pooler: Begin, database: Database) -> None:
    """Named by the server's findings, with the client that holds the connection."""
    pool = await pooler({"shop": behind(database)}, pool_mode="transaction")
    wanted = flags(database, main=pool) | {
        "findings.idle_in_transaction.silent": "0s",
        "findings.idle_in_transaction.silent_harmful": "0s",
    }
    async with pool.client("shop") as client:
        await client.execute("set application_name = 'till'")
        await client.execute("begin")
        await client.execute("select 1")
        seen = await look(load(wanted, {}, settings_type()), {})
    [main] = seen.poolers
    [side] = main.sides
    assert (side.server, side.pooled) == ("db", 1)
    assert side.used is not None
    assert side.slots is not None
    assert side.used < side.slots
    [view] = seen.servers
    found = [one.evidence for one in view.verdicts["idle_in_transaction"].subjects]
    [evidence] = [one for one in found if one.database == database.name]
    assert evidence.facts["pool"] == "shop/postgres of main"
    assert "held by the client on its Unix socket (till)" in evidence.message


@asynccontextmanager
async def watched(settings: dict[str, str]) -> AsyncIterator[Poolers]:
    clock, memory, store = Clock(), Memory(), Store()
    schedule = Schedule(clock)
    fleet = Fleet(clock, memory, store, schedule)
    poolers = Poolers(clock, memory, store, fleet, schedule)
    known = load(settings | QUICK, {}, settings_type())
    schedule.start()
    await fleet.follow(plans(known, {}))
    await poolers.follow(pooler_plans(known, {}))
    try:
        yield poolers
    finally:
        schedule.stop()
        await poolers.close()
        await fleet.close()


def page(poolers: Poolers, server: str | None = None) -> str:
    views = tuple(poolers.fleet.views())
    poolers.store.set_own(Overview(poolers.clock.now(), views, poolers.views()))
    return poolers.store.page(server).body.decode()


async def test_facts_as_of_the_exporter_and_a_restart(pooler: Begin, database: Database) -> None:
    pool = await pooler({"shop": behind(database)})
    async with watched(flags(database, main=pool)) as poolers:
        main = poolers.monitors["main"]
        await until_true(lambda: main.console.is_up and bool(main.answers.newest), "it is asked")
        async with pool.client("shop") as client:
            await client.execute("select 1")
            active = 'pgbouncer_pools_server_idle_connections{database="shop",user="postgres"}'
            await until_true(lambda: active in page(poolers), "the pool is on the page")
        await until_true(lambda: "pgbouncer_up 1\n" in page(poolers), "it is up on the page")
        text = page(poolers)
        assert "pgbouncer_config_max_client_connections 100" in text
        assert "pgbouncer_used_clients " in text
        assert 'pgbouncer_version_info{version="PgBouncer ' in text
        assert "pgbouncer_up 1\n" in page(poolers, "main")
        pool.program.stop()
        await until_true(lambda: main.console.failure is not None, "it is missed")
        assert main.console.failure is not None
        assert main.console.failure.cause in (PoolerCause.absent, PoolerCause.stopping)
        await until_true(lambda: "pgbouncer_up 0\n" in page(poolers), "it is down on the page")
        assert "pgbouncer_pools_server" not in page(poolers)
        await pool.start()
        await until_true(lambda: "pgbouncer_up 1\n" in page(poolers), "it is back")


async def test_a_secret_that_is_away_for_a_while(
    pooler: Begin, database: Database, tmp_path: Path
) -> None:
    """Nobody else is out of view, and what is behind the pooler stays known."""
    pool, secret = await pooler({"shop": behind(database)}), tmp_path / "dsn"
    secret.write_text(pool.dsn())
    wanted = {"servers.db.dsn": database.server.dsn("postgres", MONITOR)}
    async with watched(wanted | {"poolers.main.dsn_file": str(secret)}) as poolers:
        main = poolers.monitors["main"]
        await until_true(lambda: poolers.views()[0].behind == ("db",), "its server is known")
        secret.unlink()
        await main.look_anew()
        [view] = poolers.views()
        assert (view.up, view.behind) == (True, ("db",))
        assert "pgbouncer_up 1\n" in page(poolers)
        assert main.console.session is not None
        main.console.session.connection.terminate()
        await until_true(lambda: main.console.failure is not None, "it is missed")
        assert "pgbouncer_up 0\n" in page(poolers)


async def test_a_defect_in_a_view_of_a_pooler(
    pooler: Begin, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything about it is unknown, and all others are shown."""
    first, second = await pooler({"a": "host=/x"}), await pooler({"b": "host=/x"})
    async with watched(flags(database, first=first, second=second)) as poolers:
        broken = poolers.monitors["first"]
        await until_true(lambda: all(view.up for view in poolers.views()), "both answer")
        monkeypatch.setattr(broken, "console", None)
        one, other = poolers.views()
        assert not one.up
        assert {verdict.state for verdict in one.verdicts.values()} == {State.unknown}
        assert other.up
        monkeypatch.undo()


async def test_two_poolers_have_the_label_server(pooler: Begin, database: Database) -> None:
    first, second = await pooler({"a": "host=/x"}), await pooler({"b": "host=/x"})
    async with watched(flags(database, first=first, second=second)) as poolers:
        both = ('pgbouncer_up{server="first"} 1\n', 'pgbouncer_up{server="second"} 1\n')
        await until_true(lambda: all(line in page(poolers) for line in both), "both are there")
        await until_true(lambda: "pg_up 1\n" in page(poolers), "the server has no label")
        assert "pgbouncer_up 1\n" in page(poolers, "first")
        known = load(flags(database, second=second) | QUICK, {}, settings_type())
        await poolers.follow(pooler_plans(known, {}))
        assert "pgbouncer_up 1\n" in page(poolers)
        assert list(poolers.monitors) == ["second"]
