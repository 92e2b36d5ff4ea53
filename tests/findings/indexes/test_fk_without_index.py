"""fk_without_index: keys that no index serves; every kind of index that does serve is known."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.indexes.fk_without_index import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.unindexed_foreign_keys import unindexed_foreign_keys
from tests.findings.indexes.foreign_keys import KEY
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen


def test_a_list_of_values_is_no_parent() -> None:
    states = replace(KEY, parent_rows=12, parent_deletes=0)
    for row, subjects in (
        (states, 0),
        (replace(states, parent_rows=-1), 1),
        (replace(states, parent_rows=21), 1),
        (replace(states, parent_updates=1), 1),
        (replace(states, table_rows=9_999), 1),
    ):
        verdict = verdict_of(finding, seen((unindexed_foreign_keys, [row])))
        assert len(verdict.subjects) == subjects


def test_it_is_a_warning_where_deletes_read_much() -> None:
    rows = [
        KEY,
        replace(KEY, relid=2, relname="calm", parent_deletes=0),
        replace(KEY, relid=3, relname="small", table_rows=10),
    ]
    verdict = verdict_of(finding, seen((unindexed_foreign_keys, rows)))
    assert {s.evidence.subject: s.evidence.severity for s in verdict.subjects} == {
        "public.child (parent)": Severity.warning,
        "public.calm (parent)": Severity.info,
        "public.small (parent)": Severity.info,
    }


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={unindexed_foreign_keys: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


# What serves: any order, more columns behind, hash, a partial index without the nulls.
SERVED = """
    CREATE TABLE parent (a int, b int, id int PRIMARY KEY, UNIQUE (a, b));
    CREATE TABLE served (x int REFERENCES parent, y int REFERENCES parent, a int, b int, c int,
        FOREIGN KEY (a, b) REFERENCES parent (a, b));
    CREATE INDEX ON served USING hash (x);
    CREATE INDEX ON served (y) WHERE y IS NOT NULL;
    CREATE INDEX ON served (b, a, c) WHERE b IS NOT NULL AND a IS NOT NULL;
"""
# What does not: a column before, another predicate, BRIN, an included column, an expression.
LACKING = """
    CREATE TABLE lacking (u int REFERENCES parent, v int REFERENCES parent,
        w int REFERENCES parent, "X'; --" int REFERENCES parent, a int, b int,
        FOREIGN KEY (a, b) REFERENCES parent (a, b));
    CREATE INDEX ON lacking (a, u);
    CREATE INDEX ON lacking (v) WHERE u IS NOT NULL;
    CREATE INDEX ON lacking USING brin (w);
    CREATE INDEX ON lacking (("X'; --" + 1));
    CREATE INDEX ON lacking (a) INCLUDE (b);
    CREATE TABLE parted (p int REFERENCES parent, d int) PARTITION BY RANGE (d);
    CREATE TABLE "Parted 1" PARTITION OF parted FOR VALUES FROM (0) TO (1);
    CREATE TABLE parted2 PARTITION OF parted FOR VALUES FROM (1) TO (2);
    CREATE TABLE parted3 PARTITION OF parted FOR VALUES FROM (2) TO (3);
    CREATE INDEX ON parted3 (p);
    CREATE TABLE split (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE split1 PARTITION OF split FOR VALUES FROM (0) TO (1);
    CREATE TABLE of_split (s int REFERENCES split);
"""
FOUND = {
    "public.lacking (u)",
    "public.lacking (v)",
    "public.lacking (w)",
    'public.lacking ("X\'; --")',
    "public.lacking (a, b)",
    "public.parted (p)",
    "public.of_split (s)",
}


async def judged(database: Database) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        return verdict_of(finding, await look(connection, unindexed_foreign_keys))


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    await psql(database.dsn, SERVED)
    assert (await judged(database)).state is State.healthy
    await psql(database.dsn, LACKING)
    ill = await judged(database)
    assert {subject.evidence.subject for subject in ill.subjects} == FOUND
    cures = (
        s for subject in ill.subjects for s in (subject.evidence.check, *subject.evidence.cure)
    )
    # Beside a transaction that has read both tables; it would stop any lock that blocks readers.
    reader = await database.session()
    await reader.execute("BEGIN; SELECT FROM lacking, parted, parent")
    await paste(database.dsn, "\n".join(cures))
    await reader.execute("ROLLBACK")
    assert (await judged(database)).state is State.healthy
