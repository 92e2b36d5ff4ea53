"""Reviews of indexes on a real server: exactly what deserves it, cured by what each one prints."""

from collections.abc import Collection

from alerts._base import AnyFinding, Evidence
from alerts.findings.indexes import index_duplicate, index_redundant_prefix
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql

REVIEWS: tuple[AnyFinding, ...] = (index_duplicate.finding, index_redundant_prefix.finding)
COLLECTORS = tuple(dict.fromkeys(one for finding in REVIEWS for one in finding.reads))
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
FOUND = {
    ("index_duplicate", 'public."same""2"'),
    ("index_duplicate", "public.of_key"),
    ("index_duplicate", "public.also_unique"),
    ("index_redundant_prefix", "public.prefix"),
    ("index_redundant_prefix", "public.backwards"),
}


async def judged(database: Database) -> dict[tuple[str, str], Evidence]:
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, *COLLECTORS)
    verdicts = [verdict_of(finding, snapshot) for finding in REVIEWS]
    return {
        (verdict.finding.name, subject.evidence.subject): subject.evidence
        for verdict in verdicts
        for subject in verdict.subjects
    }


def script(found: Collection[Evidence]) -> str:
    return "\n".join(line for one in found for line in (one.check, *one.cure))


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    await psql(database.dsn, ALIKE)
    assert await judged(database) == {}
    await psql(database.dsn, TWICE)
    ill = await judged(database)
    assert set(ill) == FOUND
    printed = await paste(database.dsn, script(ill.values()))
    assert printed.count("CREATE ") == len(FOUND), "each can be made again"
    assert await judged(database) == {}
