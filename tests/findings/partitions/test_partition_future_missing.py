"""partition_future_missing: what is not quite missing, and what can't be known."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.partitions.partition_future_missing import finding
from alerts.partitions.activity import Activity
from collectors._base import Absence
from collectors.partitions import Partition, partitions
from collectors.sequences import Sequence, sequences
from tests.findings.partitions.rows import days, part, scene, table
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of

RATE = Activity(3600.0, 2, 0, 0, 3600)
"""One row a second."""


def severity(rows: list[Partition], **given: Any) -> Severity | None:
    subjects = verdict_of(finding, scene(rows, **given)).subjects
    return subjects[0].evidence.severity if subjects else None


def endless(lower: str) -> Partition:
    bound = f"FOR VALUES FROM ('{lower}') TO (MAXVALUE)"
    return replace(part(9, lower, lower), bound=bound)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (table(*days(12, 15)), Severity.critical),  # ends in less than two hours
        (table(*days(12, 16)), None),  # a day and more is left
        (table(*days(12, 14)), Severity.critical),  # ended 22 hours ago
        (table(*days(12, 13)), None),  # ended two days ago, which is more than a step
        (table(*days(12, 15, n_tup_ins=0, n_live_tup=0, reltuples=0)), None),
        (table(*days(12, 15, n_tup_ins=0, n_live_tup=0)), Severity.critical),  # counters reset
        (table(*days(16, 18)), None),  # all of it begins later
        (table(*days(12, 15), *days(16, 18)), Severity.critical),  # then there is a gap
        (table(*days(12, 14), *days(15, 18)), Severity.critical),  # a gap today
        (table(*days(12, 15), key_type="text"), None),
        (table(*days(12, 15), key_columns=2), None),
        (table(*days(12, 15), key_column=None), None),
        (table(*days(12, 15), strategy="l"), None),
        (table(*days(12, 15), strategy="h"), None),
        (table(*days(12, 14), endless("2023-11-14")), None),
        (table(part(1, "2023-11-01", "2023-11-17")), Severity.warning),
        (  # no common step
            table(
                part(1, "2023-11-01", "2023-11-02"),
                part(2, "2023-11-02", "2023-11-09"),
                part(3, "2023-11-09", "2023-11-14"),
            ),
            Severity.critical,
        ),
        (table(part(1, "2023-10-16", "2023-11-16")), Severity.warning),
        (table(part(1, "2023-10-15", "2023-11-15")), Severity.critical),
        (table(part(1, "2023-11-01", "2023-12-01")), None),
        (table(part(1, "2023-10-20", "2023-11-20")), Severity.warning),
        (table(part(1, "2023-10-21", "2023-11-21")), None),
        (table(part(1, "2022-11-28", "2023-11-28")), Severity.warning),
        (table(part(1, "2022-11-29", "2023-11-29")), None),
    ],
)
def test_times(rows: list[Partition], expected: Severity | None) -> None:
    """Three days, or a step of less, or a sixth of a wide one, within 14 days; it is critical from
    a day on, or a quarter of a step."""
    assert severity(rows) is expected


def test_with_default_it_is_never_critical_and_never_ends() -> None:
    """Rows that came to DEFAULT show that the table is in use, however long ago it ended."""
    empty = part(9, "", "", bound="DEFAULT", n_tup_ins=0, n_live_tup=0, reltuples=0.0)
    assert severity(table(*days(12, 15), empty, default_relid=9)) is Severity.warning
    assert severity(table(*days(2, 4), empty, default_relid=9)) is None
    used = replace(empty, n_tup_ins=5)
    assert severity(table(*days(2, 4), used, default_relid=9)) is Severity.warning


def numbers(*ends: int) -> list[Partition]:
    parts = [
        part(n, str(low), str(high), n_tup_ins=10 if n == 1 else 0, n_live_tup=0, reltuples=0.0)
        for n, (low, high) in enumerate(pairwise(ends), start=1)
    ]
    return table(*parts, key_column="id", key_type="bigint")


def fed(last_value: int) -> list[Any]:
    about = {"datname": "shop", "table_schemaname": "public", "relname": "events"}
    row = filled(Sequence, **about, column_name="id", is_known=True, last_value=last_value)
    return [(sequences, [row])]


@pytest.mark.parametrize(
    ("rows", "last_value", "expected"),
    [
        (numbers(0, 1_000_000, 2_000_000), 1_950_000, Severity.critical),  # 14 hours
        (numbers(0, 1_000_000, 2_000_000), 1_800_000, Severity.warning),
        (numbers(0, 1_000_000, 2_000_000), 1_700_000, None),  # 83 hours
        (numbers(0, 1_000, 2_000), 900, None),  # a step lasts a quarter of an hour
        (numbers(0, 1_000, 2_000), 1_900, Severity.critical),
    ],
)
def test_numbers(rows: list[Partition], last_value: int, expected: Severity | None) -> None:
    """By the sequence that feeds the key, and the inserts of the last hour."""
    assert severity(rows, activity=RATE, also=fed(last_value)) is expected
    quiet = replace(RATE, inserted=0)
    assert severity(rows, activity=quiet, also=fed(last_value)) is None


def test_numbers_that_have_passed_the_end_are_an_estimate() -> None:
    """The sequence may be ahead of what is inserted: nothing is told of the past."""
    [subject] = verdict_of(
        finding, scene(numbers(0, 1_000, 2_000), activity=RATE, also=fed(2_100))
    ).subjects
    assert "end at 2000, in about 0 s" in subject.evidence.message
    assert "has no partition" not in subject.evidence.message


def test_numbers_without_a_rate_are_learned() -> None:
    snapshot = scene(numbers(0, 1_000, 2_000), also=fed(1_900))
    assert verdict_of(finding, snapshot).state is State.learning


def test_numbers_without_a_sequence_are_at_least_the_rows() -> None:
    """Of the newest partition that has any."""
    rows = numbers(0, 1_000_000)
    rows[1] = replace(rows[1], n_live_tup=950_000)
    assert severity(rows, activity=RATE) is Severity.critical
    rows[1] = replace(rows[1], n_live_tup=10)
    assert severity(rows, activity=RATE) is None


def cure(rows: list[Partition]) -> tuple[str, ...]:
    [subject] = verdict_of(finding, scene(rows)).subjects
    return subject.evidence.cure


def test_where_names_have_no_pattern_there_are_sentences() -> None:
    """Also where the partitions are partitioned again."""
    named = [replace(row, relname="x" * row.relid) for row in days(12, 15)]
    assert all(line.startswith("--") for line in cure(table(*named)))
    leaf = part(8, "", "", bound="FOR VALUES IN (1)", parent_relid=3)
    nested = table(*days(12, 15, relkind="p", strategy="l"), leaf)
    assert all(line.startswith("--") for line in cure(nested))


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(scene(table()), absent={partitions: Absence("refused")}, answers={})
    assert verdict_of(finding, blind).state is State.unknown
