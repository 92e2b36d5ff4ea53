"""replication_slots: every fact of a slot as PostgreSQL has it, and none where there is none."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from collectors.replication_slots import Slot, replication_slots
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import connected
from tests.fixtures.until import until

SEGMENT = 16 << 20


async def slots(server: Postgres) -> dict[str, Slot]:
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
        rows = (await look(monitor, replication_slots)).rows(replication_slots)
    return {row.slot_name: row for row in rows}


def values(name: str, rows: Sequence[Slot]) -> dict[tuple[str | None, ...], Any]:
    metric = next(m for m in replication_slots.metrics if m.name == f"pg_replication_slots_{name}")
    return {labels: value for labels, value in metric.samples(rows) if value is not None}


async def test_physical_and_logical(private_server: Callable[..., Postgres], version: int) -> None:
    """Positions, what they keep, and who reads them."""
    server = private_server(wal_level="logical")
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "select pg_create_physical_replication_slot('idle');"
            "select pg_create_physical_replication_slot('keeps', true);"
            "select pg_create_logical_replication_slot('decodes', 'test_decoding')"
        )
        await admin.execute("create table t as select generate_series(1, 5000)")
        found = await slots(server)
        [row] = await admin.fetch(
            "select restart_lsn - '0/0' as restart, confirmed_flush_lsn - '0/0' as confirmed,"
            " age(catalog_xmin) as age from pg_replication_slots where slot_name = 'decodes'"
        )
    decodes, keeps, idle = found["decodes"], found["keeps"], found["idle"]
    assert (decodes.restart_lsn, decodes.confirmed_flush_lsn) == (row["restart"], row["confirmed"])
    assert (decodes.catalog_xmin_age, decodes.xmin_age) == (row["age"], None)
    assert (decodes.plugin, decodes.datname) == ("test_decoding", "postgres")
    assert keeps.retained_bytes is not None
    assert keeps.retained_bytes > 100_000
    assert (idle.restart_lsn, idle.retained_bytes, idle.wal_status) == (None, None, None)
    assert (keeps.wal_status, keeps.safe_wal_bytes, keeps.is_invalid) == ("reserved", None, False)
    assert (keeps.inactive_since is not None) == (version >= 17)
    rows = list(found.values())
    assert values("pg_wal_lsn_diff", rows).keys() == {("keeps", None), ("decodes", "postgres")}
    assert values("slot_confirmed_flush_lsn", rows) == {("decodes", "logical"): row["confirmed"]}
    assert values("active", rows)["idle", None] is False
    assert set(values("slot_current_wal_lsn", rows).values()) == {decodes.current_lsn}


async def test_a_slot_that_is_read(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """It is active, and since when nobody reads it is no question."""
    primary = private_server()
    standby(primary, slot="second")

    async def active() -> bool:
        return (await slots(primary))["second"].active

    await until(active, "the standby reads it")
    slot = (await slots(primary))["second"]
    assert (slot.inactive_since, slot.inactive_seconds) == (None, None)
    assert slot.active_pid
    assert values("slot_is_active", [slot]) == {("second", "physical"): True}


async def test_a_slot_that_is_lost(private_server: Callable[..., Postgres], version: int) -> None:
    """What may still be written shrinks until there is nothing to keep."""
    server = private_server(max_slot_wal_keep_size="16MB", max_wal_size="32MB", min_wal_size="32MB")
    async with connected(server.dsn()) as admin:
        await admin.execute("select pg_create_physical_replication_slot('late', true)")
        before = (await slots(server))["late"]
        assert before.safe_wal_bytes is not None
        assert 0 < before.safe_wal_bytes <= 2 * SEGMENT
        for _ in range(4):
            await admin.execute("select pg_switch_wal(); create table if not exists t ();")
            await admin.execute("drop table t")
        await admin.execute("checkpoint")
        after = (await slots(server))["late"]
    assert (after.wal_status, after.restart_lsn, after.safe_wal_bytes) == ("lost", None, None)
    assert after.is_invalid
    assert after.invalidation_reason == ("wal_removed" if version >= 17 else None)
    assert values("wal_status", [after]) == {("late", "physical", "lost"): 1}
    assert values("invalid", [after]) == {("late", "physical"): True}


@pytest.mark.versions(17, 18)
async def test_copies_of_the_primarys_slots(private_server: Callable[..., Postgres]) -> None:
    """From 17 on a slot says whether standbys are to have it too."""
    server = private_server(wal_level="logical")
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "select pg_create_logical_replication_slot('f', 'test_decoding', false, false, true)"
        )
    slot = (await slots(server))["f"]
    assert (slot.failover, slot.synced) == (True, False)
