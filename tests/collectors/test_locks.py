"""What pg_locks tells of those who wait and those who block, and of the order of their locks."""

from collectors.locks import Lock, locks
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, watching

TABLES = """
    create table parent (id int primary key); insert into parent values (1);
    create table child (id int primary key, parent int references parent);
    create table other (id int primary key, v int); insert into other values (1, 0);
"""


async def blockers(stage: Stage) -> list[Lock]:
    async with watching(dsn=stage.database.monitor_dsn) as connection:
        rows = (await look(connection, locks)).rows(locks)
    return [row for row in rows if row.locktype == "transactionid" and row.granted]


async def names(stage: Stage, oids: list[int]) -> list[str]:
    found = await stage.database.fetch(
        "select oid::int8, relname::text from pg_class where oid = any($1::int8[]::oid[])", oids
    )
    known = {record["oid"]: record["relname"] for record in found}
    return [known[oid] for oid in oids]


async def test_locks_of_a_transaction_come_in_their_order(stage: Stage) -> None:
    """First touched first, within each group of slots, on every version; whatever the names."""
    await stage.database.execute(TABLES)
    await stage.holds("update other set v = 1", "update orders set v = 1 where id = 1")
    await stage.waits("update orders set v = 2 where id = 1")
    [blocker] = await blockers(stage)
    found = await names(stage, list(blocker.writes))
    assert set(found) == {"other", "other_pkey", "orders", "orders_pkey"}
    assert min(blocker.slots) >= 0
    for group in set(blocker.slots):
        members = [n for n, slot in zip(found, blocker.slots, strict=True) if slot == group]
        assert members == sorted(members, key=lambda name: name.startswith("orders"))


async def test_the_other_order_is_told_too(stage: Stage) -> None:
    """So that the test above is no coincidence of names or numbers."""
    await stage.database.execute(TABLES)
    await stage.holds("update orders set v = 1 where id = 1", "update other set v = 1")
    await stage.waits("update orders set v = 2 where id = 1")
    [blocker] = await blockers(stage)
    found = await names(stage, list(blocker.writes))
    for group in set(blocker.slots):
        members = [n for n, slot in zip(found, blocker.slots, strict=True) if slot == group]
        assert members == sorted(members, key=lambda name: name.startswith("other"))


async def test_an_insert_leaves_no_lock_on_an_index(stage: Stage) -> None:
    """Nor does it change its parent's row: a foreign key only locks it."""
    await stage.database.execute(TABLES)
    holder = await stage.holds("insert into child values (1, 1)")
    await holder.execute("update orders set v = 1 where id = 1")
    await stage.waits("update orders set v = 2 where id = 1")
    [blocker] = await blockers(stage)
    found = await names(stage, list(blocker.writes))
    assert set(found) == {"child", "parent", "parent_pkey", "orders", "orders_pkey"}
    assert set(await names(stage, list(blocker.unchanged))) == {"parent", "parent_pkey"}


async def test_a_table_that_was_read_before_has_no_place_in_the_order(stage: Stage) -> None:
    """Its slot was taken by the SELECT, which tells nothing of the write."""
    await stage.holds("select from orders", "update orders set v = 1 where id = 1")
    await stage.waits("update orders set v = 2 where id = 1")
    [blocker] = await blockers(stage)
    found = await names(stage, list(blocker.writes))
    assert dict(zip(found, blocker.slots, strict=True))["orders"] == -1


async def test_exclusive_advisory_locks_are_gates(stage: Stage) -> None:
    """Two who hold the same one have the same gate; a shared one excludes nobody."""
    gated = "select pg_advisory_xact_lock_shared(8)", "select pg_advisory_xact_lock({})"
    for number in (1, 2):
        lock = gated[1].format(7 if number == 1 else 9)
        await stage.holds(gated[0], lock, f"update orders set v = 1 where id = {number}")
        await stage.waits(f"update orders set v = 2 where id = {number}")
    one, other = await blockers(stage)
    assert len(one.gates) == len(other.gates) == 1
    assert set(one.gates) != set(other.gates)
