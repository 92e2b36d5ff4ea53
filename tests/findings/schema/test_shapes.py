"""What the shape of a table tells, and what is quiet although it looks alike."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.schema import (
    pk_random_uuid,
    repeating_columns,
    sequence_column_mismatch,
    status_skewed,
    status_without_check,
    undocumented_duplicate_column,
)
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, AnyCollector
from collectors._columns import Columns, block
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.copied_columns import CopiedColumn, copied_columns
from collectors.index_layout import index_layout
from collectors.random_keys import RandomKey, random_keys
from collectors.repeated_columns import RepeatedColumns, repeated_columns
from collectors.sequences import Sequence, sequences
from collectors.status_columns import StatusColumn, status_columns
from tests.findings.indexes.layouts import MIB, layout
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

GIB = 1024**3
UUID = RandomKey("shop", 1, "public", "t", "id", 180001, 8 * GIB, 2 * GIB, 1e8, 2_000_000)
TAGS = RepeatedColumns("shop", 1, "public", "t", "tag", ["tag1", "tag2", "tag3"], "text", True, 9.0)
COPY = CopiedColumn("shop", 1, "public", "t", "email", "text", "public", "customers", None, 10.0, 2)
STATUS = StatusColumn("shop", 10, "public", "t", "status", 2, "text", False, 5000.0)
FED = Sequence(
    datname="shop",
    relid=1,
    schemaname="public",
    sequencename="t_id_seq",
    min_value=1,
    max_value=2**31 - 1,
    increment=1,
    cycles=False,
    table_schemaname="public",
    relname="t",
    column_name="id",
    column_type="bigint",
    columns=1,
    may_read=True,
    is_known=True,
    last_value=7,
)


def states(
    module: Any, collector: AnyCollector, row: Any, others: list[dict[str, Any]]
) -> list[State]:
    rows = [row, *(replace(row, **other) for other in others)]
    return [verdict_of(module.finding, seen((collector, [one]))).state for one in rows]


@pytest.mark.parametrize(
    ("module", "collector", "row", "quiet"),
    [
        (
            pk_random_uuid,
            random_keys,
            UUID,
            [{"table_bytes": 7 * GIB}, {"inserted_rows": 999_999}],
        ),
        (
            repeating_columns,
            repeated_columns,
            TAGS,
            [
                {"is_nullable": False},
                {"stem": "address_line"},
                {"stem": "q"},
                {"stem": "Quarter"},
                {"attnames": [f"tag{n}" for n in range(21)]},
            ],
        ),
        (
            undocumented_duplicate_column,
            copied_columns,
            COPY,
            [
                {"attname": "name"},
                {"attname": "Created_At"},
                {"type": "timestamp with time zone"},
                {"tables": 4},
            ],
        ),
    ],
)
def test_what_is_told_and_what_is_quiet(
    module: Any, collector: AnyCollector, row: Any, quiet: list[dict[str, Any]]
) -> None:
    told, *others = states(module, collector, row, quiet)
    assert told is State.ill
    assert others == [State.healthy] * len(quiet)


def test_a_comment_is_the_reason() -> None:
    """The copy is then listed as muted, with that comment."""
    row = replace(COPY, comment="What was charged.")
    verdict = verdict_of(undocumented_duplicate_column.finding, seen((copied_columns, [row])))
    assert verdict.state is State.muted
    assert verdict.muted[0].muted == "What was charged."


def test_before_18_only_the_application_makes_ordered_ones() -> None:
    row = replace(UUID, version=170005)
    [subject] = verdict_of(pk_random_uuid.finding, seen((random_keys, [row]))).subjects
    assert all(line.startswith("--") for line in subject.evidence.cure)


def test_the_end_of_a_smaller_type() -> None:
    """An end that was chosen is none, nor is one that cycles or belongs to the column."""

    def judged(**given: Any) -> Verdict:
        rows = Columns(Sequence, [block(Sequence, [as_record(replace(FED, **given))])])
        return verdict_of(sequence_column_mismatch.finding, seen((sequences, rows)))

    assert judged().state is State.ill
    for quiet in (
        {"max_value": 2**63 - 1},
        {"max_value": 2**63 - 1, "column_type": "integer", "cycles": True},
        {"max_value": 2**63 - 1, "column_type": "integer", "increment": -1},
        {"max_value": 2**63 - 1, "column_type": "numeric"},
        {"max_value": 2**62, "column_type": "integer"},
        {"max_value": 10_000},
        {"cycles": True},
        {"column_type": "integer"},
        {"column_type": None},
        {"increment": -1},
    ):
        assert judged(**quiet).state is State.healthy, quiet
    [subject] = judged(max_value=2**63 - 1, column_type="integer").subjects
    assert subject.evidence.severity is Severity.info
    assert "fail at 2,147,483,647, where the sequence goes on" in subject.evidence.message
    assert any(line.endswith(" AS integer;") for line in subject.evidence.cure)


def as_record(row: Sequence) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Sequence.__dataclass_fields__}


def distinct(values: float) -> ColumnStatistics:
    return ColumnStatistics("shop", 10, [1, 2], [0.0, 0.0], [8, 4], [-1.0, values])


def test_a_status_of_a_few_values() -> None:
    def judged(values: float, **given: Any) -> State:
        row = replace(STATUS, **given)
        rows = ((status_columns, [row]), (column_statistics, [distinct(values)]))
        return verdict_of(status_without_check.finding, seen(*rows)).state

    assert judged(5.0) is State.ill
    assert judged(1.0) is State.healthy
    assert judged(21.0) is State.healthy
    assert judged(-0.5) is State.healthy
    assert judged(5.0, rows=999.0) is State.healthy
    assert judged(5.0, attname="state", is_address=True) is State.healthy
    assert judged(5.0, attname="state") is State.ill


def test_an_index_of_which_only_rare_values_are_read() -> None:
    def judged(values: float, **given: Any) -> State:
        about: dict[str, Any] = {
            "indkey": "2",
            "size_bytes": 100 * MIB,
            "table_rows": 1e6,
            "idx_scan": 1000,
            "idx_tup_read": 10_000,
        }
        row = layout(**about | given)
        rows = ((index_layout, [row]), (column_statistics, [distinct(values)]))
        return verdict_of(status_skewed.finding, seen(*rows)).state

    assert judged(5.0) is State.ill
    for values, quiet in (
        (200.0, {}),
        (5.0, {"size_bytes": 49 * MIB}),
        (5.0, {"idx_scan": 99}),
        (5.0, {"idx_tup_read": 100_000_000}),
        (5.0, {"indkey": "2 1"}),
        (5.0, {"indpred": "({CONST})"}),
        (5.0, {"is_unique": True}),
        (5.0, {"supports_fk": True}),
    ):
        assert judged(values, **quiet) is State.healthy, quiet


BLIND: list[tuple[AnyFinding, AnyCollector]] = [
    (pk_random_uuid.finding, random_keys),
    (repeating_columns.finding, repeated_columns),
    (undocumented_duplicate_column.finding, copied_columns),
    (sequence_column_mismatch.finding, sequences),
    (status_without_check.finding, status_columns),
    (status_skewed.finding, index_layout),
]


@pytest.mark.parametrize(("finding", "collector"), BLIND)
def test_without_an_answer_it_is_unknown(finding: AnyFinding, collector: AnyCollector) -> None:
    blind = replace(seen(), absent={collector: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
