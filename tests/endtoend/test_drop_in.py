"""Rules written for postgres_exporter, on a server that falls ill of what they are about."""

import asyncio
import re
from collections.abc import Iterable
from contextlib import AsyncExitStack

import asyncpg
import pytest

from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

__all__ = ["chain", "webhook"]

pytestmark = pytest.mark.versions(18)
HASTE = ("paces.normal=1s", "paces.table=1s", "paces.slow=1s", "budget=100%", "scrape_interval=1s")
SHOP = """
    CREATE TABLE orders (id int) WITH (autovacuum_enabled = off);
    INSERT INTO orders SELECT generate_series(1, 1000);
    DO $$BEGIN FOR i IN 1..120 LOOP EXECUTE format('CREATE TABLE part%s ()', i); END LOOP; END$$;
"""
DOWN = "pg_up == 0"
FULL = (
    "sum by (instance) (pg_stat_activity_count) > on (instance) 0.8 * pg_settings_max_connections"
)
RULES = {
    "down": DOWN,
    "full": FULL,
    "deadlocks": 'increase(pg_stat_database_deadlocks{datname!~"template.*"}[10m]) > 0',
    "rollbacks": 'rate(pg_stat_database_xact_rollback{datname="shop"}[10m])'
    ' / on (instance, datname) rate(pg_stat_database_xact_commit{datname="shop"}[10m]) > 0.3',
    "unused slot": "pg_replication_slots_active == 0",
    "idle transaction": 'pg_stat_activity_max_tx_duration{state="idle in transaction"} > 1',
    "dead rows": "pg_stat_user_tables_n_dead_tup"
    " / (pg_stat_user_tables_n_live_tup + pg_stat_user_tables_n_dead_tup) > 0.2",
    "many locks": "sum by (instance) (pg_locks_count) / on (instance)"
    " (pg_settings_max_locks_per_transaction * pg_settings_max_connections) > 0.5",
    "checkpoints": "rate(pg_stat_bgwriter_checkpoints_req[10m]) > 0",
}


async def fire(chain: Chain, rules: Iterable[str]) -> None:
    """Each of them has a sample in the end."""
    for expression in rules:

        async def fires(asked: str = expression) -> bool:
            return bool(await chain.query(asked))

        await until(fires, f"this fires: {expression}", 90)


async def deadlock(one: asyncpg.Connection, other: asyncpg.Connection) -> None:
    """One of the two sessions loses."""
    await one.execute("BEGIN; LOCK TABLE part1")
    await other.execute("BEGIN; LOCK TABLE part2")
    lost = await asyncio.gather(
        one.execute("LOCK TABLE part2"),
        other.execute("LOCK TABLE part1"),
        return_exceptions=True,
    )
    assert any(isinstance(error, asyncpg.DeadlockDetectedError) for error in lost)
    for session in (one, other):
        await session.execute("ROLLBACK")


async def test_rules_of_others_fire_on_what_they_are_about(
    private_server: PrivateServers, chain: Chain
) -> None:
    """None of them while the server is well, and each once it is ill."""
    server = private_server(
        max_connections=20, max_locks_per_transaction=10, deadlock_timeout="50ms"
    )
    async with AsyncExitStack() as stack:
        owner, careless, other = [
            await stack.enter_async_context(connected(server.dsn())) for _ in range(3)
        ]
        await owner.execute("CREATE DATABASE shop")
        shop = await stack.enter_async_context(connected(server.dsn("shop")))
        await owner.execute(SHOP)
        await chain.daemon(*HASTE, PGVIGIL_DSN=server.dsn(user=MONITOR))
        await chain.prometheus()
        await fire(chain, ['pg_stat_user_tables_n_live_tup{relname="orders"} > 0', "pg_up == 1"])
        assert [name for name, rule in RULES.items() if await chain.query(rule)] == []

        await deadlock(careless, other)
        await owner.execute("SELECT pg_create_physical_replication_slot('gone', true)")
        await owner.execute("DELETE FROM orders WHERE id <= 500")
        await owner.execute("SELECT pg_stat_force_next_flush()")
        await owner.execute("CHECKPOINT")
        for _ in range(3000):
            await shop.execute("BEGIN; ROLLBACK")
        await shop.execute("SELECT pg_stat_force_next_flush()")
        tables = ", ".join(f"part{number}" for number in range(1, 121))
        await careless.execute(f"BEGIN; LOCK TABLE {tables}")
        await fire(chain, (rule for rule in RULES.values() if rule not in (DOWN, FULL)))
        for _ in range(12):
            await stack.enter_async_context(connected(server.dsn()))
        await fire(chain, [FULL])
        server.kill()
        await fire(chain, [DOWN])


async def test_names_and_types_as_prometheus_stores_them(
    private_server: PrivateServers, chain: Chain
) -> None:
    """They are those of the page: no counter is renamed, and no type is lost on the way."""
    server = private_server()
    await chain.daemon(*HASTE, PGVIGIL_DSN=server.dsn(user=MONITOR))
    await chain.prometheus()
    await fire(chain, ["pg_stat_archiver_archived_count", "pg_process_idle_seconds_count"])

    async def stored() -> bool:
        known = await chain.types()
        printed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", await chain.page(), re.MULTILINE))
        return {name: known.get(name) for name in printed} == printed

    await until(stored, "Prometheus knows the types of all metrics", 60)
    assert await chain.query("pg_stat_archiver_archived_count_total") == []
