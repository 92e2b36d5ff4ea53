"""unique_ignores_soft_delete: keys of the application, in a table where rows are marked."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.unique_ignores_soft_delete import finding
from collectors._base import Absence
from collectors.soft_delete_columns import soft_delete_columns
from tests.findings.indexes.layouts import layout
from tests.findings.indexes.soft_deletes import LIVE, MARK, marked
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

EMAIL = layout(11, is_unique=True, backs_constraint=True)


@pytest.mark.parametrize("deleted", [0.001, 0.9, None])
def test_a_key_that_counts_deleted_rows_is_found(deleted: float | None) -> None:
    [subject] = verdict_of(finding, marked(EMAIL, deleted=deleted)).subjects
    assert "keeps a unique among all rows of public.orders" in subject.evidence.message


@pytest.mark.parametrize(
    ("mark", "live"),
    [
        (MARK, "deleted_at IS NULL"),
        (replace(MARK, typname="bool", attname="Deleted"), '"Deleted" IS NOT TRUE'),
        (replace(MARK, typname="bool", attnotnull=True), "NOT deleted_at"),
    ],
)
def test_live_rows_are_told_by_the_type_of_the_mark(mark: Any, live: str) -> None:
    [subject] = verdict_of(finding, marked(EMAIL, mark=mark)).subjects
    assert any(line.endswith(f"WHERE {live};") for line in subject.evidence.cure)


@pytest.mark.parametrize(
    "traits",
    [
        {"is_unique": False, "backs_constraint": False},
        {"is_primary": True},
        {"is_referenced": True},
        {"is_replica_identity": True},
        {"indpred": LIVE},
        {"indkey": "1 3"},
        {"columns": '[["token", "uuid", true, 0, true]]'},
        {"is_partition": True},
    ],
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert verdict_of(finding, marked(replace(EMAIL, **traits))).state is State.healthy


def test_where_nothing_is_marked_or_live_rows_have_their_own_it_is_fine() -> None:
    live = layout(12, is_unique=True, indpred=LIVE)
    for snapshot in (marked(EMAIL, deleted=0.0), marked(EMAIL, live)):
        assert verdict_of(finding, snapshot).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={soft_delete_columns: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
