"""table_without_pk: tables that change, or that have rows."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.schema.table_without_pk import finding
from collectors._base import Absence
from collectors.keyless_tables import KeylessTable, keyless_tables
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = KeylessTable(
    datname="shop",
    relid=1,
    schemaname="public",
    relname="t",
    is_partitioned=False,
    is_unlogged=False,
    rows=100.0,
    changed_rows=0,
    unique_columns=None,
)


def test_limits() -> None:
    """Empty tables that never change are no matter; a change makes it a warning."""
    for row, severity in (
        (ROW, Severity.info),
        (replace(ROW, rows=99.0), None),
        (replace(ROW, rows=-1.0), None),
        (replace(ROW, rows=1e6, changed_rows=9, is_unlogged=True), None),
        (replace(ROW, rows=0.0, changed_rows=1), Severity.warning),
    ):
        assert verdict_of(finding, seen((keyless_tables, [row]))).severity is severity


def test_a_unique_index_becomes_the_key() -> None:
    """Of a partitioned table it can't, so there is advice alone."""
    named = replace(ROW, unique_columns=["o'id", "b"])
    [subject] = verdict_of(finding, seen((keyless_tables, [named]))).subjects
    assert any("ADD PRIMARY KEY USING INDEX" in line for line in subject.evidence.cure)
    parts = replace(named, is_partitioned=True)
    [subject] = verdict_of(finding, seen((keyless_tables, [parts]))).subjects
    assert all(line.startswith("--") for line in subject.evidence.cure)


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={keyless_tables: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
