"""user_tables and user_indexes on real servers: they say what PostgreSQL's own views say."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from collectors._base import AnyCollector
from collectors.index_layout import index_layout
from collectors.table_layout import table_layout
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

SHOP = """
    CREATE TABLE customer (id int PRIMARY KEY, mail text UNIQUE, note text);
    CREATE TABLE orders (
        id int PRIMARY KEY, customer int REFERENCES customer, at int, status text
    ) WITH (fillfactor = 80, autovacuum_enabled = off);
    CREATE INDEX by_customer ON orders (customer, at);
    CREATE INDEX by_status ON orders (lower(status)) WHERE status <> 'done';
    CREATE TABLE events (id int, at int) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (9999)
        PARTITION BY RANGE (at);
    CREATE TABLE events_1_1 PARTITION OF events_1 FOR VALUES FROM (0) TO (9999);
    CREATE INDEX events_at ON events (at);
    INSERT INTO customer SELECT i, i || '@example.org', repeat('x', 3000)
        FROM generate_series(1, 500) i;
    INSERT INTO orders SELECT i, i % 400 + 1, i, 'new' FROM generate_series(1, 2000) i;
    INSERT INTO events SELECT i, i FROM generate_series(1, 100) i;
    UPDATE orders SET status = 'done' WHERE id < 200;
    DELETE FROM customer WHERE id > 450;
    SET enable_seqscan = off;
    SELECT count(*) FROM orders WHERE id = 7;
    CREATE MATERIALIZED VIEW report AS SELECT * FROM orders;
    CREATE TABLE untouched (id int PRIMARY KEY);
"""
COUNTED = """
    SELECT sum(n_tup_del) = 50 AND NOT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'psql'
    ) FROM pg_stat_user_tables
"""
IN_BOTH = """
    seq_scan, seq_tup_read, n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd, n_live_tup,
    n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum, vacuum_count, autovacuum_count,
    analyze_count, autoanalyze_count, relid, schemaname, relname
"""
MOMENTS = ("last_vacuum", "last_autovacuum", "last_analyze", "last_autoanalyze")


@pytest.fixture
async def shop(database: Database, psql: Psql) -> Database:
    """With everything counted, and vacuumed."""
    await psql(database.dsn, SHOP)
    await until(lambda: database.fetchval(COUNTED), "the load is counted")
    await psql(database.dsn, "VACUUM (ANALYZE) orders, customer, events")
    query = "SELECT count(last_vacuum) >= 3 FROM pg_stat_user_tables"
    await until(lambda: database.fetchval(query), "the vacuum is counted")
    return database


async def rows(database: Database, collector: AnyCollector) -> Sequence[Any]:
    async with watching(dsn=database.monitor_dsn) as monitor:
        return (await look(monitor, collector)).rows(collector)


async def tables(database: Database) -> dict[str, UserTable]:
    return {row.relname: row for row in await rows(database, user_tables)}


async def indexes(database: Database) -> dict[str, UserIndex]:
    return {row.indexrelname: row for row in await rows(database, user_indexes)}


async def test_tables_are_those_of_the_view(shop: Database) -> None:
    """Every number equals that of pg_stat_user_tables; a table without indexes scanned none."""
    moments = ", ".join(f"date_part('epoch', {name}) AS {name}" for name in MOMENTS)
    expected = await shop.fetch(
        f"SELECT {IN_BOTH}, {moments}, coalesce(idx_scan, 0) AS idx_scan,"
        " coalesce(idx_tup_fetch, 0) AS idx_tup_fetch FROM pg_stat_user_tables"
    )
    found = await tables(shop)
    assert found.keys() == {row["relname"] for row in expected}
    for row in expected:
        assert {name: getattr(found[row["relname"]], name) for name in row.keys()} == dict(row)  # noqa: SIM118


async def test_sizes_without_asking_the_files(shop: Database) -> None:
    """After a vacuum the sizes are those of the files, TOAST and its index included."""
    found = await tables(shop)
    for name in ("orders", "customer"):
        files = await shop.fetchval(
            "SELECT pg_relation_size(oid) + CASE WHEN reltoastrelid > 0 THEN"
            " pg_relation_size(reltoastrelid) ELSE 0 END FROM pg_class WHERE relname = $1",
            name,
        )
        assert found[name].table_size_bytes == files
        assert found[name].index_size_bytes == await shop.fetchval(
            "SELECT pg_indexes_size($1::regclass)", name
        )
    assert found["untouched"].table_size_bytes is None
    assert found["orders"].reloptions == ["fillfactor=80", "autovacuum_enabled=off"]


FILES = """
    SELECT c.relname, c.relpersistence::text, c.relfilenode, c.relallvisible, t.oid AS toast_relid,
        t.relpages AS toast_relpages, t.reltuples::float8 AS toast_reltuples
    FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
    WHERE c.relname = any($1)
"""
AGES = """
    SELECT age(c.relfrozenxid), mxid_age(c.relminmxid), age(t.relfrozenxid), mxid_age(t.relminmxid)
    FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.relname = 'customer'
"""


async def test_files_are_those_of_the_catalogue(shop: Database) -> None:
    """Of tables with and without TOAST, unlogged and partitioned ones."""
    await shop.execute("CREATE UNLOGGED TABLE draft (id int)")
    await shop.execute("ALTER TABLE customer SET (toast.autovacuum_enabled = off)")
    found = await tables(shop)
    names = ["customer", "draft", "events", "events_1_1", "report", "untouched"]
    expected = await shop.fetch(FILES, names)
    assert [row["relname"] for row in expected if row["toast_relid"] is None]
    assert len(expected) == len(names)
    for row in expected:
        assert {name: getattr(found[row["relname"]], name) for name in row.keys()} == dict(row)  # noqa: SIM118
    assert found["customer"].toast_reloptions == ["autovacuum_enabled=off"]
    assert found["draft"].relpersistence == "u"


async def test_ages_are_those_of_the_catalogue(shop: Database) -> None:
    """Others go on; a partitioned table has no rows that could be old, and TOAST its own age."""
    [before] = await shop.fetch(AGES)
    found = await tables(shop)
    [after] = await shop.fetch(AGES)
    one = found["customer"]
    ages = (one.xid_age, one.mxid_age, one.toast_xid_age, one.toast_mxid_age)
    for low, age, high in zip(before, ages, after, strict=True):
        assert age is not None
        assert low <= age <= high
    parent, plain = found["events"], found["events_1_1"]
    assert (parent.xid_age, parent.mxid_age) == (None, None)
    assert (plain.toast_xid_age, plain.toast_mxid_age) == (None, None)
    assert plain.xid_age is not None


async def test_never_is_zero_on_the_page(shop: Database) -> None:
    """A table that was never vacuumed has 0 as its time, as existing rules expect."""
    found = await rows(shop, user_tables)
    metric = next(m for m in user_tables.metrics if m.name.endswith("_last_vacuum"))
    samples = {labels[2]: value for labels, value in metric.samples(found)}
    assert samples["untouched"] == 0.0
    assert isinstance(samples["orders"], float)
    assert samples["orders"] > 1.6e9


async def test_indexes_are_those_of_the_view(shop: Database) -> None:
    """Every number equals that of pg_stat_user_indexes, and sizes those of the files."""
    expected = await shop.fetch(
        "SELECT relid, indexrelid, schemaname, relname, indexrelname, idx_scan, idx_tup_read,"
        " idx_tup_fetch,"
        " pg_relation_size(indexrelid) AS size_bytes FROM pg_stat_user_indexes"
    )
    found = await indexes(shop)
    assert found.keys() == {row["indexrelname"] for row in expected}
    for row in expected:
        assert {name: getattr(found[row["indexrelname"]], name) for name in row.keys()} == dict(row)  # noqa: SIM118


async def test_what_an_index_is_there_for(shop: Database) -> None:
    """Each index says what it enforces, supports and belongs to."""
    found = await indexes(shop)
    assert found["orders_pkey"].is_primary
    assert found["orders_pkey"].backs_constraint
    assert not found["orders_pkey"].supports_fk
    assert found["customer_mail_key"].is_unique
    assert (found["by_customer"].supports_fk, found["by_customer"].parent_deletes) == (True, 50)
    assert not found["by_customer"].backs_constraint
    assert (found["by_status"].has_expression, found["by_status"].has_predicate) == (True, True)
    assert found["by_customer"].table_writes == 2000 + 199
    leaf = found["events_1_1_at_idx"]
    assert (leaf.root_schemaname, leaf.root_indexrelname, leaf.root_relname) == (
        "public",
        "events_at",
        "events",
    )
    assert found["by_customer"].root_indexrelid is None


BUILT = """
    SELECT x.relname, amname::text, x.relfilenode, x.reltuples::float8,
        indkey::int2[]::text[] AS keys, indnkeyatts, indclass::oid[]::text[] AS classes,
        indoption::int2[]::text[] AS options, indcollation::oid[]::text[] AS collations
    FROM pg_index JOIN pg_class x ON x.oid = indexrelid JOIN pg_am am ON am.oid = x.relam
    JOIN pg_class t ON t.oid = indrelid WHERE t.relname = 'orders'
"""


async def test_how_an_index_is_built(shop: Database) -> None:
    """Columns by number, in their order, with included ones and expressions told apart."""
    await shop.execute(
        "CREATE INDEX mixed ON orders (at DESC, lower(status), id) INCLUDE (customer)"
        " WITH (fillfactor = 70);"
        "CREATE INDEX hashed ON orders USING hash (customer);"
    )
    found = await indexes(shop)
    layouts = {row.indexrelid: row for row in await rows(shop, index_layout)}
    assert layouts.keys() == {row.indexrelid for row in found.values()}
    expected = await shop.fetch(BUILT)
    assert len(expected) == 5
    for row in expected:
        index = found[row["relname"]]
        layout = layouts[index.indexrelid]
        assert (index.amname, index.relfilenode) == (row["amname"], row["relfilenode"])
        assert (index.reltuples, layout.indnkeyatts) == (row["reltuples"], row["indnkeyatts"])
        vectors = (layout.indkey, layout.indclass, layout.indoption, layout.indcollation)
        lists = (row["keys"], row["classes"], row["options"], row["collations"])
        assert tuple(vector.split() for vector in vectors) == lists
    mixed, hashed = (layouts[found[name].indexrelid] for name in ("mixed", "hashed"))
    assert (mixed.indkey, mixed.indnkeyatts, mixed.indoption) == ("3 0 1 2", 3, "3 0 0")
    assert mixed.reloptions == ["fillfactor=70"]
    assert hashed.reloptions is None
    assert found["hashed"].amname == "hash"


async def test_last_scan(shop: Database, version: int) -> None:
    """From 16 on, PostgreSQL says how long ago an index was used."""
    found = await indexes(shop)
    known = found["orders_pkey"].last_idx_scan_seconds is not None
    assert known == (version >= 16)
    assert found["by_status"].last_idx_scan_seconds is None


async def test_extensions_own_their_indexes(database: Database, psql: Psql) -> None:
    """An index of an extension's table is not the user's."""
    await psql(
        database.dsn,
        "CREATE EXTENSION pg_stat_statements; CREATE TABLE owned (id int PRIMARY KEY);"
        "ALTER EXTENSION pg_stat_statements ADD TABLE owned; CREATE TABLE mine (LIKE owned);"
        "CREATE INDEX ON mine (id);",
    )
    found = await indexes(database)
    assert found["owned_pkey"].is_of_extension
    assert not found["mine_id_idx"].is_of_extension


@pytest.mark.parametrize(
    "collector", [user_tables, user_indexes, table_layout, index_layout], ids=lambda one: one.name
)
async def test_locks_keep_nothing_back(shop: Database, collector: AnyCollector) -> None:
    """With ACCESS EXCLUSIVE held, and one queued, every relation is still there at once."""
    everything = await rows(shop, collector)
    holder, waiter = await shop.session(), await shop.session()
    await holder.execute(
        "BEGIN; LOCK orders, events; REINDEX INDEX by_status; REINDEX TABLE events_1_1"
    )
    await waiter.execute("SET lock_timeout = '1min'; BEGIN")
    queued = waiter.execute("LOCK orders, customer")
    reader = await shop.session()
    await reader.execute("BEGIN; SELECT count(*) FROM customer")
    task = asyncio.create_task(queued)
    query = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    await until(lambda: shop.fetchval(query), "a lock is queued")

    found = await rows(shop, collector)
    assert {collector.key_of(row) for row in found} == {collector.key_of(row) for row in everything}
    await holder.execute("ROLLBACK")
    await reader.execute("ROLLBACK")
    await task
