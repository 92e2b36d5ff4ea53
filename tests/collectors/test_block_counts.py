"""Blocks read and hit: what pg_statio_user_tables and pg_statio_user_indexes say themselves."""

from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

LOAD = """
    CREATE TABLE wide (id int PRIMARY KEY, note text);
    ALTER TABLE wide ALTER note SET STORAGE EXTERNAL;
    INSERT INTO wide SELECT i, repeat('x', 5000) FROM generate_series(1, 200) i;
    CREATE TABLE narrow (id int);
    INSERT INTO narrow SELECT generate_series(1, 1000);
    SELECT sum(length(note)) FROM wide WHERE id < 100;
"""
COUNTED = """
    SELECT coalesce(toast_blks_hit, 0) > 0 AND NOT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'psql'
    ) FROM pg_statio_user_tables WHERE relname = 'wide'
"""
KINDS = ("heap", "idx", "toast", "tidx")


async def test_blocks_are_those_of_the_views(database: Database, psql: Psql) -> None:
    """Heap, indexes, TOAST and its index; without TOAST nothing is said of it, not 0."""
    await psql(database.dsn, LOAD)
    await until(lambda: database.fetchval(COUNTED), "the load is counted")
    async with watching(dsn=database.monitor_dsn) as monitor:
        snapshot = await look(monitor, user_tables, user_indexes)
    tables = {row.relname: row for row in snapshot.rows(user_tables)}
    for row in await database.fetch("SELECT * FROM pg_statio_user_tables"):
        found = tables[row["relname"]]
        for kind in KINDS:
            missing = 0 if kind == "idx" else None
            for how in ("read", "hit"):
                expected = row[f"{kind}_blks_{how}"]
                value = getattr(found, f"{kind}_blocks_{how}")
                assert value == (missing if expected is None else expected), (kind, how)
    assert tables["wide"].toast_blocks_hit
    assert tables["narrow"].toast_blocks_hit is None
    assert tables["narrow"].idx_blocks_hit == 0
    [index] = [row for row in snapshot.rows(user_indexes) if row.relname == "wide"]
    [blocks] = await database.fetch("SELECT * FROM pg_statio_user_indexes WHERE relname = 'wide'")
    assert (index.idx_blks_read, index.idx_blks_hit) == (
        blocks["idx_blks_read"],
        blocks["idx_blks_hit"],
    )
    assert index.idx_blks_hit
