"""brin_candidate: large B-trees on columns in whose order the rows lie, and what is not quite."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.brin_candidate import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Answer
from collectors._capabilities import COLUMN_ORDER
from collectors.column_correlations import ColumnCorrelation, column_correlations
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import MIB, layout
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.until import until

# 10 rows a page, so 1,280 in a range.
BTREE = layout(
    11,
    size_bytes=1024 * MIB,
    table_rows=1_280_000.0,
    idx_scan=20,
    idx_tup_read=20 * 1280,
    n_tup_ins=2_000_000,
    n_tup_del=12_800,
)


def judged(*rows: IndexLayout, correlation: float | None = 0.99, attnum: int = 1) -> Verdict:
    known = [ColumnCorrelation("shop", 10, attnum, correlation)]
    return verdict_of(finding, seen((index_layout, rows), (column_correlations, known)))


def test_exactly_at_its_limits_it_is_told() -> None:
    [subject] = judged(BTREE, layout(12, relid=20, amname="brin")).subjects
    assert "lie in the order of a (correlation 0.990)" in subject.evidence.message
    assert judged(BTREE, correlation=-0.99).state is State.ill


@pytest.mark.parametrize(
    "traits",
    [
        {"size_bytes": 1023 * MIB},
        {"idx_scan": 19},
        {"idx_tup_read": 20 * 1279},
        {"n_tup_del": 12_801},
        {"n_tup_upd": 1},
        {"table_rows": -1.0},
        {"amname": "hash"},
        {"is_unique": True},
        {"is_valid": False},
        {"is_clustered": True},
        {"indkey": "1 2"},
        {"indkey": "0"},
        {"indpred": "{CONST}"},
        {"columns": '[["a", "text", false, 0, true]]'},
        {"columns": '[["a", "int4", false, 0, false]]'},
    ],
    ids=str,
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert judged(replace(BTREE, **traits)).state is State.healthy


def test_updates_that_stay_on_their_page_keep_the_order() -> None:
    assert judged(replace(BTREE, n_tup_upd=900, n_tup_hot_upd=900)).state is State.ill


def test_rows_in_no_order_and_a_brin_index_beside_it() -> None:
    assert judged(BTREE, correlation=0.989).state is State.healthy
    assert judged(BTREE, correlation=None).state is State.healthy
    assert judged(BTREE, layout(12, amname="brin")).state is State.healthy
    assert judged(BTREE, layout(12, amname="brin", indkey="2")).state is State.ill


def test_without_statistics_it_is_unknown() -> None:
    [blind] = judged(BTREE, attnum=2).unjudged
    assert (blind.subject, blind.reason) == (
        "public.i11",
        "columns without statistics; ANALYZE its table",
    )


def test_without_the_right_it_is_unknown_where_it_matters() -> None:
    """Once for a database, with the GRANT; and not where no index could be replaced."""
    absence = Absence("permission denied", "GRANT …")
    small = replace(BTREE, size_bytes=MIB)
    many = [BTREE, replace(BTREE, indexrelid=12, indkey="2")]
    for rows, state in (many, State.unknown), ([small], State.healthy):
        everywhere = replace(seen((index_layout, rows)), absent={column_correlations: absence})
        verdict = verdict_of(finding, everywhere)
        assert (verdict.state, len(verdict.unjudged)) == (state, state is State.unknown)
        snapshot = seen((index_layout, rows))
        answer: Answer[ColumnCorrelation] = Answer(
            (), AT, missing={"shop": absence, "other": absence}
        )
        given = {**snapshot.answers, column_correlations: answer}
        verdict = verdict_of(finding, replace(snapshot, answers=given))
        assert verdict.state is state
        told = [(one.database, one.grant) for one in verdict.unjudged]
        assert told == ([("shop", "GRANT …")] if state is State.unknown else [])


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


EVENTS = """
    CREATE TABLE events (id int, "at'" int, other int, note text);
    INSERT INTO events SELECT i, i * 3, i * 7919 % 20000, repeat('x', 200)
    FROM generate_series(1, 20000) i;
    CREATE INDEX "so 'rted" ON events ("at'");
    CREATE INDEX mixed ON events (other);
    CREATE INDEX single ON events (id);
    ANALYZE events;
"""
SEARCH = """
    SET enable_seqscan = off;
    SELECT count(note) FROM events WHERE "at'" < 30000;
    SELECT count(note) FROM events WHERE other < 10000;
    SELECT count(note) FROM events WHERE id = 77;
"""
COUNTED = "SELECT min(idx_scan) >= 3 FROM pg_stat_user_indexes WHERE relname = 'events'"


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    """Unknown once; found with the GRANT that it prints; gone with the index that it prints."""
    limits = replace(finding.limits, min_bytes=256 * 1024, min_scans=3)
    await psql(database.dsn, EVENTS)
    await psql(database.dsn, SEARCH * 3)
    await until(lambda: database.fetchval(COUNTED), "the searches are counted")

    async def verdict() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            snapshot = await look(connection, index_layout, column_correlations)
            return verdict_of(finding, snapshot, limits=limits)

    [blind] = (await verdict()).unjudged
    grant = COLUMN_ORDER.grant.replace("{role}", MONITOR)
    assert blind.grant == grant
    await psql(database.dsn, grant)
    [subject] = (await verdict()).subjects
    assert subject.evidence.subject == """public."so 'rted\""""
    assert subject.evidence.facts["correlation"] == 1
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert (await verdict()).state is State.healthy
