"""Reviews of indexes on a real server: exactly what deserves it, cured by what each one prints."""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace

from alerts._base import AnyFinding, Evidence, State
from alerts.findings.indexes import (
    hot_update_low,
    index_blocks_hot,
    index_btree_on_array,
    index_duplicate,
    index_load,
    index_null_heavy,
    index_redundant_prefix,
    index_soft_delete_full,
    soft_delete_unindexed,
    unique_ignores_soft_delete,
)
from alerts.limits import BaseLimits
from alerts.verdicts.verdict import Verdict
from collectors._capabilities import COLUMN_STATISTICS
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

DAY = 86400.0
STRUCTURE: Mapping[AnyFinding, BaseLimits] = {
    one: one.limits for one in (index_duplicate.finding, index_redundant_prefix.finding)
}
# A megabyte stands for a hundred, and a few thousand rows for very many.
FORM: Mapping[AnyFinding, BaseLimits] = {
    index_null_heavy.finding: replace(index_null_heavy.finding.limits, min_bytes=2**17),
    index_btree_on_array.finding: index_btree_on_array.finding.limits,
    index_load.finding: replace(
        index_load.finding.limits, min_bytes=1, min_writes=1000, max_indexes=20
    ),
    index_blocks_hot.finding: replace(index_blocks_hot.finding.limits, min_rate=1e-4),
    hot_update_low.finding: replace(hot_update_low.finding.limits, min_rate=0.04),
    soft_delete_unindexed.finding: replace(soft_delete_unindexed.finding.limits, min_bytes=2**19),
    index_soft_delete_full.finding: replace(index_soft_delete_full.finding.limits, min_bytes=2**17),
    unique_ignores_soft_delete.finding: unique_ignores_soft_delete.finding.limits,
}
Found = dict[tuple[str, str], Evidence]
# Each pair differs in one thing, and so is neither the same nor redundant.
ALIKE = """
    CREATE TABLE alike (a int, b text, c int, d int[]);
    CREATE INDEX a1 ON alike (a); CREATE INDEX a2 ON alike USING hash (a);
    CREATE INDEX a3 ON alike (a NULLS FIRST, c); CREATE INDEX a4 ON alike (a) WHERE c > 0;
    CREATE INDEX a5 ON alike (a) WHERE c > 1; CREATE INDEX a6 ON alike USING brin (a);
    CREATE INDEX a7 ON alike USING brin (a) WITH (pages_per_range = 8);
    CREATE INDEX b1 ON alike (b); CREATE INDEX b2 ON alike (b text_pattern_ops);
    CREATE INDEX b3 ON alike (b COLLATE "C"); CREATE INDEX b4 ON alike (lower(b), a);
    CREATE INDEX b5 ON alike (upper(b)); CREATE INDEX b6 ON alike (b text_pattern_ops, c);
    CREATE INDEX c1 ON alike (c) INCLUDE (b); CREATE INDEX c2 ON alike (c, a);
    CREATE UNIQUE INDEX c3 ON alike (c);
    CREATE TABLE parted (i int, j int) PARTITION BY RANGE (i);
    CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (1);
    CREATE INDEX ON parted (i); CREATE INDEX ON parted (i); CREATE INDEX ON parted (i, j);
"""
TWICE = """
    CREATE TABLE "Twice" (i int PRIMARY KEY, "j; --" int, t text);
    CREATE INDEX "same'1" ON "Twice" ("j; --", lower(t)) WHERE i    > 7;
    CREATE INDEX "same""2" ON "Twice" ("j; --", lower(t)) WHERE (i > 7);
    CREATE INDEX of_key ON "Twice" (i);
    CREATE UNIQUE INDEX also_unique ON "Twice" (i);
    CREATE INDEX prefix ON "Twice" (lower(t));
    CREATE UNIQUE INDEX longer ON "Twice" (lower(t), i);
    CREATE INDEX backwards ON "Twice" (t DESC, i DESC);
    CREATE UNIQUE INDEX forwards ON "Twice" (t, i, "j; --");
"""
SPARE = {
    ("index_duplicate", 'public."same""2"'),
    ("index_duplicate", "public.of_key"),
    ("index_duplicate", "public.also_unique"),
    ("index_redundant_prefix", "public.prefix"),
    ("index_redundant_prefix", "public.backwards"),
}
FORMS = """
    CREATE TABLE "Odd; name" (
        id int PRIMARY KEY, "n'ull" int, tags text[], kind int, email text UNIQUE,
        deleted_at timestamptz
    );
    CREATE INDEX nulls ON "Odd; name" ("n'ull" DESC) INCLUDE (id);
    CREATE INDEX tags ON "Odd; name" (tags);
    CREATE INDEX kinds ON "Odd; name" (kind, id);
    CREATE INDEX live ON "Odd; name" (kind) WHERE deleted_at IS NULL;
    INSERT INTO "Odd; name" SELECT
        i, CASE WHEN i % 10 = 0 THEN i END, ARRAY[i::text], i % 7, i::text,
        CASE WHEN i % 5 < 2 THEN now() END
    FROM generate_series(1, 20000) i;
    CREATE TABLE kept (id int PRIMARY KEY, deleted_at timestamptz);
    INSERT INTO kept SELECT i, CASE WHEN i % 5 < 2 THEN now() END
    FROM generate_series(1, 40000) i;
    CREATE TABLE counted (id int PRIMARY KEY, hits int, made int) WITH (fillfactor = 20);
    CREATE INDEX hits ON counted (hits);
    INSERT INTO counted SELECT i, i, i FROM generate_series(1, 1000) i;
    CREATE TABLE crowded (id int PRIMARY KEY, made int);
    INSERT INTO crowded SELECT i, i FROM generate_series(1, 40000) i;
    ANALYZE;
"""
SEARCH = "SET enable_seqscan = off; SELECT count(*) FROM counted WHERE hits = 7;"
UPDATES = "UPDATE counted SET hits = hits + 1; VACUUM counted;" * 4 + "UPDATE crowded SET made = 0;"
COUNTED = """
    SELECT count(*) = 2 FROM pg_stat_user_tables
    WHERE relname = 'counted' AND n_tup_upd >= 4000 AND idx_scan >= 1
        OR relname = 'crowded' AND n_tup_upd >= 40000
"""
MISSHAPEN = {
    ("index_null_heavy", "public.nulls"),
    ("index_btree_on_array", "public.tags"),
    ("index_load", "public.counted"),
    ("index_blocks_hot", "public.counted"),
    ("hot_update_low", "public.crowded"),
    ("index_soft_delete_full", "public.kinds"),
    ("index_soft_delete_full", "public.nulls"),
    ("index_soft_delete_full", "public.tags"),
    ("soft_delete_unindexed", "public.kept"),
    ("unique_ignores_soft_delete", 'public."Odd; name_email_key"'),
}


async def verdicts(
    database: Database, limits: Mapping[AnyFinding, BaseLimits], later: float = 0
) -> list[Verdict]:
    collectors = dict.fromkeys(one for finding in limits for one in finding.reads)
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, *collectors, at=time.time() + later)
    return [verdict_of(finding, snapshot, limits=limit) for finding, limit in limits.items()]


def found(judged: Collection[Verdict]) -> Found:
    return {
        (verdict.finding.name, subject.evidence.subject): subject.evidence
        for verdict in judged
        for subject in verdict.subjects
    }


def script(ill: Found) -> str:
    return "\n".join(line for one in ill.values() for line in (one.check, *one.cure))


async def test_spare_ones(database: Database, psql: Psql, paste: Psql) -> None:
    await psql(database.dsn, ALIKE)
    assert found(await verdicts(database, STRUCTURE)) == {}
    await psql(database.dsn, TWICE)
    ill = found(await verdicts(database, STRUCTURE))
    assert set(ill) == SPARE
    printed = await paste(database.dsn, script(ill))
    assert printed.count("CREATE ") == len(SPARE), "each can be made again"
    assert found(await verdicts(database, STRUCTURE)) == {}


async def test_misshapen_ones(database: Database, psql: Psql, paste: Psql, version: int) -> None:
    """Where no statement is safe, the printed steps are followed."""
    await database.execute(COLUMN_STATISTICS.grant.replace("{role}", MONITOR))
    await psql(database.dsn, FORMS)
    await psql(database.dsn, UPDATES)
    await psql(database.dsn, SEARCH)
    await until(lambda: database.fetchval(COUNTED), "updates and scans are counted")
    judged = await verdicts(database, FORM, later=8 * DAY)
    ill = found(judged)
    if version < 16:
        of_hot = (index_blocks_hot.finding, hot_update_low.finding)
        assert {one.state for one in judged if one.finding in of_hot} == {State.unknown}
    hot = {("index_blocks_hot", "public.counted"), ("hot_update_low", "public.crowded")}
    not_told = hot if version < 16 else set()
    assert set(ill) == MISSHAPEN - not_told

    # Open transactions that have read a table don't keep an index of it from being built.
    reader = await database.session()
    await reader.execute('BEGIN; SELECT FROM "Odd; name" LIMIT 1')
    await paste(database.dsn, script(ill))
    await reader.execute("ROLLBACK")
    left = found(await verdicts(database, FORM, later=8 * DAY))
    advised = {"index_load", "index_blocks_hot", "soft_delete_unindexed"}
    assert {name for name, _ in left} == {name for name, _ in ill} & advised
    await psql(database.dsn, "CREATE INDEX ON kept (id) WHERE deleted_at IS NULL")
    await psql(database.dsn, "DROP INDEX CONCURRENTLY hits")
    assert found(await verdicts(database, FORM, later=8 * DAY)) == {}
