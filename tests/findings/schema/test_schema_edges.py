"""Findings about schemas at the edges of their limits and words, by hand-made rows."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence
from alerts.findings.schema import (
    collation_version_mismatch,
    column_types,
    fk_duplicate,
    fk_type_mismatch,
    pk_random_uuid,
    repeating_columns,
    sequence_column_mismatch,
    status_skewed,
    status_without_check,
    table_without_pk,
    undocumented_duplicate_column,
)
from collectors._base import AnyCollector
from collectors._columns import Columns, block
from collectors.changed_collations import changed_collations
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.copied_columns import copied_columns
from collectors.duplicate_foreign_keys import duplicate_foreign_keys
from collectors.foreign_key_types import foreign_key_types
from collectors.index_layout import index_layout
from collectors.keyless_tables import keyless_tables
from collectors.questionable_columns import questionable_columns
from collectors.random_keys import random_keys
from collectors.repeated_columns import repeated_columns
from collectors.sequences import Sequence, sequences
from collectors.status_columns import status_columns
from tests.findings.indexes.layouts import MIB, layout
from tests.findings.schema.test_collation_version_mismatch import ROW as COLLATION
from tests.findings.schema.test_column_types import ROW as COLUMN
from tests.findings.schema.test_fk_duplicate import ROW as TWINS
from tests.findings.schema.test_fk_type_mismatch import ROW as MISMATCH
from tests.findings.schema.test_shapes import COPY, FED, STATUS, TAGS, UUID, as_record, distinct
from tests.findings.schema.test_table_without_pk import ROW as KEYLESS
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen


def told(finding: AnyFinding, *answers: tuple[AnyCollector, Any]) -> list[Evidence]:
    return [subject.evidence for subject in verdict_of(finding, seen(*answers)).subjects]


def of_collation(**given: Any) -> Evidence:
    row = replace(COLLATION, **given)
    [one] = told(collation_version_mismatch.finding, (changed_collations, [row]))
    return one


def test_words_about_a_collation() -> None:
    named = of_collation()
    assert named.subject == "public.de"
    assert "the collation public.de has changed from version 1 to 2" in named.message
    assert "unique" not in named.message
    own = of_collation(schemaname="", collname="", unique_indexes=1, actual=None)
    assert own.subject == "shop"
    assert "the collation of the database shop" in own.message
    assert "to none: 1 index, 1 of them unique" in own.message


@pytest.mark.parametrize(
    ("indexes", "names", "is_printed"), [(5, 5, True), (6, 6, False), (3, 2, False), (1, 1, True)]
)
def test_few_indexes_are_rebuilt_by_statements(indexes: int, names: int, is_printed: bool) -> None:
    """Only where each of them is known by its name."""
    one = of_collation(indexes=indexes, names=[f"public.i{n}" for n in range(names)])
    rebuilt = [line for line in one.cure if line.startswith("REINDEX")]
    assert len(rebuilt) == (indexes if is_printed else 0)
    assert one.cure[-1].startswith("-- Only when each of them was rebuilt: ALTER") is is_printed


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"type": "integer from a sequence", "rows": 1e8}, "is integer from a sequence"),
        ({"type": "integer from a sequence", "rows": 1e8 - 1}, None),
        ({"type": "real", "attname": "price_value"}, "is real"),
        ({"type": "real", "attname": "amount_eur"}, "is real"),
        ({"type": "real", "attname": "amount_of_rain"}, None),
        ({"type": "real", "attname": "fair_value"}, None),
        ({"type": "real", "attname": "score_usd"}, None),
    ],
)
def test_types_and_the_names_of_amounts(given: dict[str, Any], words: str | None) -> None:
    limits = replace(column_types.finding.limits, serial_rows=100_000_000)
    snapshot = seen((questionable_columns, [replace(COLUMN, **given)]))
    subjects = verdict_of(column_types.finding, snapshot, limits=limits).subjects
    assert [words in one.evidence.message for one in subjects if words] == ([True] if words else [])
    assert bool(subjects) is bool(words)


def test_each_type_has_its_own_advice() -> None:
    better = set()
    for type in ("timestamp without time zone", "money", "character(2)", "time with time zone"):
        [one] = told(column_types.finding, (questionable_columns, [replace(COLUMN, type=type)]))
        better.add(one.facts["better"])
    assert len(better) == 4


def test_words_about_foreign_keys() -> None:
    [equal] = told(fk_duplicate.finding, (duplicate_foreign_keys, [TWINS]))
    assert "They differ" not in equal.message
    row = replace(TWINS, are_equal=False)
    [differ] = told(fk_duplicate.finding, (duplicate_foreign_keys, [row]))
    assert "They differ" in differ.message
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"type": "bigint"}, False),
        ({"type": "text"}, False),
        ({"parent_type": "text"}, False),
    ]
    for given, small in cases:
        key = replace(MISMATCH, **given)
        assert fk_type_mismatch.is_too_small(key) is small
        [one] = told(fk_type_mismatch.finding, (foreign_key_types, [key]))
        assert ("outgrows" in one.message) is small
        assert ("converts the values" in one.message) is ("text" in given.values())


def test_random_keys_at_their_limits() -> None:
    limits = pk_random_uuid.finding.limits
    row = replace(UUID, table_bytes=limits.min_bytes, inserted_rows=limits.min_inserts)
    assert told(pk_random_uuid.finding, (random_keys, [row]))
    for version, is_printed in (
        (pk_random_uuid.ORDERED, True),
        (pk_random_uuid.ORDERED - 1, False),
    ):
        [one] = told(pk_random_uuid.finding, (random_keys, [replace(row, version=version)]))
        assert any(line.startswith("ALTER") for line in one.cure) is is_printed


def test_repeated_and_copied_columns_at_their_limits() -> None:
    most = [f"tag{n}" for n in range(repeating_columns.finding.limits.max_columns)]
    row = replace(TAGS, attnames=most)
    assert told(repeating_columns.finding, (repeated_columns, [row]))
    copy = replace(COPY, tables=undocumented_duplicate_column.finding.limits.max_tables)
    assert told(undocumented_duplicate_column.finding, (copied_columns, [copy]))


def ends(*rows: Sequence) -> set[str]:
    packed = Columns(Sequence, [block(Sequence, [as_record(row) for row in rows])])
    found = told(sequence_column_mismatch.finding, (sequences, packed))
    assert all("public.t.id, which it fills, is bigint" in one.message for one in found)
    return {one.subject for one in found}


def test_sequences_of_several_databases_may_have_the_same_number() -> None:
    """A range that was chosen is no smaller type, also beside one that is."""
    chosen = replace(FED, datname="other", sequencename="chosen", max_value=10_000)
    assert ends(FED, chosen) == {"public.t_id_seq"}
    assert ends(replace(FED, max_value=32_767)) == {"public.t_id_seq"}
    assert ends(replace(FED, increment=1)) == {"public.t_id_seq"}
    assert ends(replace(FED, increment=0)) == set()


def test_a_sequence_of_several_columns_is_not_made_smaller() -> None:
    """It would end before the widest of them is full."""
    wide = replace(FED, max_value=2**63 - 1, column_type="integer")
    for columns, is_printed in ((1, True), (2, False)):
        packed = Columns(Sequence, [block(Sequence, [as_record(replace(wide, columns=columns))])])
        [one] = told(sequence_column_mismatch.finding, (sequences, packed))
        assert any(line.startswith("ALTER") for line in one.cure) is is_printed


def skewed(values: float = 5.0, **given: Any) -> bool:
    about: dict[str, Any] = {
        "indkey": "2",
        "size_bytes": 50 * MIB,
        "table_rows": 1e6,
        "idx_scan": 100,
        "idx_tup_read": 1_000_000,  # a scan reads a twentieth of the rows of a value
    }
    rows = (index_layout, [layout(**about | given)])
    known = ColumnStatistics("shop", 10, [1, 2], [0.0, 0.0], [8, 4], [-1.0, values])
    return bool(told(status_skewed.finding, rows, (column_statistics, [known])))


def test_a_skewed_status_at_its_limits() -> None:
    assert skewed()
    assert skewed(2.0, idx_tup_read=2_500_000)
    assert skewed(20.0, idx_tup_read=250_000)
    assert not skewed(20.5, idx_tup_read=1)
    assert not skewed(1.9, idx_tup_read=1)
    assert not skewed(idx_tup_read=1_000_100)


@pytest.mark.parametrize(
    "given",
    [
        {"amname": "hash"},
        {"is_valid": False},
        {"indkey": "0"},
        {"indkey": "2 1"},
        {"table_rows": 0.0, "idx_tup_read": 0},
        {"idx_scan": 99, "idx_tup_read": 0},
        {"size_bytes": 50 * MIB - 1},
        {"is_clustered": True},
        {"is_unique": True},
        {"supports_fk": True},
    ],
    ids=str,
)
def test_indexes_that_are_no_plain_index_of_a_status(given: dict[str, Any]) -> None:
    assert not skewed(**given)


@pytest.mark.parametrize("indkey", ["0", "2 1"])
def test_statistics_never_belong_to_an_expression_or_to_several_columns(indkey: str) -> None:
    """The candidates are judged alone: no statistics could stand in for the missing column."""
    limits = status_skewed.Limits()
    about: dict[str, Any] = {"size_bytes": 50 * MIB, "table_rows": 1e6, "idx_scan": 100}
    rows = [layout(**about, indkey=key) for key in (indkey, "2")]
    found = list(status_skewed.candidates(rows, limits))
    assert [row.indkey for row in found] == ["2"]


def test_an_index_with_the_number_of_a_large_one_of_another_database() -> None:
    small = layout(indkey="2", datname="other", size_bytes=MIB, table_rows=1e6, idx_scan=1000)
    large = layout(indkey="1", size_bytes=100 * MIB, table_rows=1e6, idx_scan=1000)
    known = [replace(distinct(5.0), datname=name) for name in ("shop", "other")]
    found = told(status_skewed.finding, (index_layout, [small, large]), (column_statistics, known))
    assert found == []


def unchecked(values: float = 5.0, **given: Any) -> bool:
    rows = (status_columns, [replace(STATUS, **given)])
    return bool(told(status_without_check.finding, rows, (column_statistics, [distinct(values)])))


def test_a_status_at_its_limits() -> None:
    assert unchecked(2.0)
    assert unchecked(20.0)
    assert unchecked(rows=1000.0)
    assert unchecked(is_address=True), "the status of an address is no region"
    assert not unchecked(is_address=True, attname="State")


def test_words_about_a_table_without_a_key() -> None:
    [still] = told(table_without_pk.finding, (keyless_tables, [KEYLESS]))
    assert "updated or deleted" not in still.message
    assert still.facts["rows"] == 100.0
    assert still.facts["unique_columns"] is None
    changed = replace(KEYLESS, rows=-1.0, changed_rows=1, unique_columns=["a", "b"])
    [one] = told(table_without_pk.finding, (keyless_tables, [changed]))
    assert "; 1 row was updated or deleted" in one.message
    assert one.facts["rows"] is None
    assert one.facts["unique_columns"] == "a, b"
    [none] = told(table_without_pk.finding, (keyless_tables, [replace(changed, rows=0.0)]))
    assert none.facts["rows"] == 0.0
