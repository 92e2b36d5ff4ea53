"""index_bloat on real servers: found, rebuilt by its own cure, and gone; and what is not quite."""

from dataclasses import replace

import asyncpg
import pytest

from alerts._base import State
from alerts.findings.storage.index_bloat import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.vacuum.horizon import CONSULTS
from collectors._capabilities import COLUMN_STATISTICS
from collectors.btree_layout import btree_layout
from collectors.column_statistics import column_statistics
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from collectors.xmin_horizon import xmin_horizon
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

# A quarter of a megabyte stands for that of a gigabyte.
LIMITS = replace(finding.limits, min_bytes=256 * 1024, floor_bytes=256 * 1024)
GRANT = COLUMN_STATISTICS.grant.replace("{role}", MONITOR)
HOSTILE = """ "it's; DROP TABLE orders; --" """
SCENE = f"""
    CREATE TABLE orders (id int NOT NULL, customer int, code text, token uuid);
    INSERT INTO orders SELECT i, i % 9000, 'c' || i, md5(i::text)::uuid
        FROM generate_series(1, 60000) i;
    ALTER TABLE orders ADD PRIMARY KEY (id);
    CREATE INDEX {HOSTILE} ON orders (code);
    CREATE INDEX by_upper ON orders (upper(code));
    DELETE FROM orders WHERE id % 10 > 0;
    CREATE TABLE quite (token uuid PRIMARY KEY, at timestamptz, state int);
    CREATE INDEX quite_at ON quite (at);
    CREATE INDEX quite_state ON quite (state);
    INSERT INTO quite SELECT md5(i::text)::uuid, now() + i * interval '1 s', i % 3
        FROM generate_series(1, 40000) i;
    DELETE FROM quite WHERE state = 0 AND token < '80000000-0000-0000-0000-000000000000';
"""
FOUND = {"public.orders_pkey", f"public.{HOSTILE.strip()}", "public.by_upper"}


async def snapshot(connection: "asyncpg.Connection[asyncpg.Record]") -> Snapshot:
    collectors = user_indexes, user_tables, btree_layout, column_statistics, xmin_horizon
    recorder = Recorder(wants=finding.history)
    return await look(connection, *collectors, *CONSULTS, recorder=recorder)


async def test_story(database: Database, psql: Psql) -> None:
    """Blind to what needs statistics, ill with them; healthy when each cure was pasted."""
    await psql(database.dsn, SCENE)
    await psql(database.dsn, "VACUUM (ANALYZE) orders; VACUUM (ANALYZE) quite;")
    analysed = "SELECT bool_and(last_vacuum IS NOT NULL AND last_analyze IS NOT NULL)"
    counted = f"{analysed} FROM pg_stat_user_tables"
    await until(lambda: database.fetchval(counted), "the vacuum is counted")
    async with watching(dsn=database.monitor_dsn) as monitor:
        blind = verdict_of(finding, await snapshot(monitor), limits=LIMITS)
        assert [s.evidence.subject for s in blind.subjects] == ["public.orders_pkey"]
        assert {u.grant for u in blind.unjudged} == {GRANT}
        await psql(database.dsn, GRANT)
        ill = verdict_of(finding, await snapshot(monitor), limits=LIMITS)
        found = {s.evidence.subject: s.evidence for s in ill.subjects}
        assert found.keys() == FOUND, ill.unjudged
        before = await database.fetchval("SELECT pg_relation_size('orders_pkey')")
        for evidence in found.values():
            await psql(database.dsn, "\n".join((evidence.check, *evidence.cure)))
        left = await database.fetchval("SELECT pg_relation_size('orders_pkey')")
        own = found["public.orders_pkey"]
        assert own.value == pytest.approx(before - left, rel=0.03)
        healed = verdict_of(finding, await snapshot(monitor), limits=LIMITS)
        assert (healed.state, healed.subjects) == (State.healthy, ())


async def test_column_of_nulls_only(database: Database, psql: Psql) -> None:
    """Of it ANALYZE tells no distinct values: it is judged, alone and beside another column."""
    await psql(
        database.dsn,
        "CREATE TABLE orders (id int NOT NULL, shop int, gone timestamptz, note text);"
        "INSERT INTO orders SELECT i, i % 7 FROM generate_series(1, 250000) i;"
        "CREATE INDEX orders_gone ON orders (gone); CREATE INDEX orders_note ON orders (note);"
        "CREATE INDEX orders_both ON orders (shop, gone);",
    )
    await psql(database.dsn, GRANT)
    await psql(database.dsn, "VACUUM (ANALYZE) orders;")
    counted = "SELECT last_analyze IS NOT NULL FROM pg_stat_user_tables"
    await until(lambda: database.fetchval(counted), "the vacuum is counted")
    async with watching(dsn=database.monitor_dsn) as monitor:
        verdict = verdict_of(finding, await snapshot(monitor), limits=LIMITS)
    assert (verdict.state, verdict.unjudged) == (State.healthy, ())
    measured = {row.indexrelname: row for row in verdict.measured}
    assert measured.keys() == {"orders_gone", "orders_note", "orders_both"}
    for row in measured.values():
        assert row.lowest_share <= 0.01
        assert row.bloat_share < 0.05
