"""Prepared transactions, and who holds back vacuum: each kind of holder, seen at work."""

from collections.abc import Callable
from typing import Any

from collectors._base import AnyCollector
from collectors.prepared_transactions import prepared_transactions
from collectors.xmin_horizon import Holder, xmin_horizon
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database, connected
from tests.fixtures.until import until

BURN = "do $$begin for i in 1..50 loop perform pg_current_xact_id(); commit; end loop; end$$"


async def rows(dsn: str, collector: AnyCollector) -> tuple[Any, ...]:
    async with watching(dsn=dsn) as monitor:
        return tuple((await look(monitor, collector)).rows(collector))


def values(collector: AnyCollector, found: tuple[Any, ...]) -> dict[str, dict[Any, Any]]:
    return {metric.name: dict(metric.samples(found)) for metric in collector.metrics}


async def test_prepared_transactions_by_database(database: Database) -> None:
    """How many there are in all, 0 included, and when the oldest of a database was prepared."""
    await database.execute("create table t (i int)")
    for gid in ("one", "t'wo\n🐘"):
        session = await database.session()
        quoted = gid.replace("'", "''")
        await session.execute(f"begin; insert into t values (1); prepare transaction '{quoted}'")
    found = await rows(database.monitor_dsn, prepared_transactions)
    mine = tuple(row for row in found if row.datname == database.name)
    assert {row.gid for row in mine} == {"one", "t'wo\n🐘"}
    prepared = await database.fetchval(
        "select extract(epoch from min(prepared))::float8 from pg_prepared_xacts"
        " where database = current_database()"
    )
    samples = values(prepared_transactions, mine)
    assert samples["pg_prepared_transactions"] == {(): 2}
    oldest = samples["pg_prepared_transactions_oldest_timestamp_seconds"]
    assert oldest == {(database.name,): prepared}
    assert values(prepared_transactions, ())["pg_prepared_transactions"] == {(): 0}


async def test_every_kind_of_holder(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """A session, a prepared transaction, a slot, and a query on a standby with feedback."""
    primary = private_server(wal_level="logical")
    second = standby(primary, hot_standby_feedback="on", cluster_name="second")
    dsn = primary.dsn(user=MONITOR)
    async with connected(primary.dsn()) as admin, connected(second.dsn()) as reader:
        await admin.execute("create table t (i int)")
        await admin.execute("select pg_create_logical_replication_slot('late', 'test_decoding')")
        await admin.execute("begin; insert into t values (1); prepare transaction 'orphan'")
        await reader.execute("begin isolation level repeatable read; select 1")

        async def fed_back() -> bool:
            found = await rows(dsn, xmin_horizon)
            return ("standby", "second") in {(row.holder, row.name) for row in found}

        await until(fed_back, "the standby has asked for its rows")
        async with connected(primary.dsn()) as sleeper:
            await sleeper.execute("begin; insert into t values (2)")
            await admin.execute(BURN)
            pid = await sleeper.fetchval("select pg_backend_pid()")
            found = {(row.holder, row.name): row for row in await rows(dsn, xmin_horizon)}
    assert found["session", str(pid)].xmin_age >= 50
    assert found["prepared_transaction", "orphan"].datname == "postgres"
    assert found["replication_slot", "late"].xmin_age >= 50
    ages = values(xmin_horizon, tuple(found.values()))["pg_xmin_horizon_age"]
    assert ages["prepared_transaction",] == found["prepared_transaction", "orphan"].xmin_age
    assert ages["standby",] >= 50


def test_no_holder_is_zero() -> None:
    """Each kind has its series, so that a rule needs no `or vector(0)`."""
    one = Holder("session", "1", "d", 7)
    samples = values(xmin_horizon, (one,))["pg_xmin_horizon_age"]
    assert samples == {
        ("session",): 7,
        ("prepared_transaction",): 0,
        ("replication_slot",): 0,
        ("standby",): 0,
    }
