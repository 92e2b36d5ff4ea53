"""brin_unsuitable: scans that read most of the table, as PostgreSQL itself counts them."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.brin_unsuitable import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import MIB, layout
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen
from tests.fixtures.until import until

BRIN = layout(11, amname="brin", idx_scan=20, idx_tup_read=10 * 20 * 64_000)


def judged(*rows: IndexLayout) -> Verdict:
    return verdict_of(finding, seen((index_layout, rows)))


def test_scans_of_half_the_table_are_found() -> None:
    [subject] = judged(BRIN, layout(12, relid=20)).subjects
    assert "read on average 50 % of public.orders" in subject.evidence.message


@pytest.mark.parametrize(
    "traits",
    [
        {"idx_tup_read": 10 * 20 * 63_000},
        {"idx_scan": 19},
        {"idx_scan": 0, "idx_tup_read": 0},
        {"table_bytes": 99 * MIB},
        {"amname": "btree"},
        {"is_valid": False},
        {"is_of_extension": True},
    ],
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert judged(replace(BRIN, **traits)).state is State.healthy


def test_beside_a_btree_on_the_column_it_is_no_matter() -> None:
    assert judged(BRIN, layout(12)).state is State.healthy
    assert judged(BRIN, layout(12, indkey="2")).state is State.ill


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


EVENTS = """
    CREATE TABLE events (id int, "at'" int, note text);
    INSERT INTO events SELECT i, i * 7919 % 20000, repeat('x', 200)
    FROM generate_series(1, 20000) i;
    CREATE INDEX sorted ON events USING brin (id) WITH (pages_per_range = 4);
    CREATE INDEX mixed ON events USING brin ("at'") WITH (pages_per_range = 4);
    ANALYZE events;
"""
SEARCH = """
    SET enable_seqscan = off;
    SELECT count(*) FROM events WHERE id = 77;
    SELECT count(*) FROM events WHERE "at'" = 10000;
"""
COUNTED = "SELECT min(idx_scan) >= 3 FROM pg_stat_user_indexes WHERE relname = 'events'"


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    limits = replace(finding.limits, min_bytes=MIB, min_scans=3)
    await psql(database.dsn, EVENTS)
    await psql(database.dsn, SEARCH * 3)
    await until(lambda: database.fetchval(COUNTED), "the searches are counted")

    async def verdict() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            return verdict_of(finding, await look(connection, index_layout), limits=limits)

    [subject] = (await verdict()).subjects
    assert (subject.evidence.subject, subject.evidence.value) == ("public.mixed", 1)
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert (await verdict()).state is State.healthy
