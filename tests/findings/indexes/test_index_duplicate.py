"""index_duplicate: what another index replaces exactly, and nothing that is needed for more."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.index_duplicate import finding
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import layout
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen


def spare(*rows: IndexLayout) -> list[str]:
    verdict = verdict_of(finding, seen((index_layout, rows)))
    return [subject.evidence.subject for subject in verdict.subjects]


@pytest.mark.parametrize(
    ("first", "second", "dropped"),
    [
        ({}, {}, [12]),
        ({"idx_scan": 1}, {}, [11]),
        ({}, {"is_unique": True}, [11]),
        ({"is_unique": True}, {"is_unique": True}, [12]),
        ({"is_unique": True}, {"is_unique": True, "backs_constraint": True}, [11]),
        ({"is_unique": True, "is_referenced": True}, {"is_unique": True}, [12]),
        ({"is_clustered": True}, {}, [12]),
    ],
)
def test_the_one_that_is_needed_for_less_is_found(
    first: dict[str, Any], second: dict[str, Any], dropped: list[int]
) -> None:
    assert spare(layout(11, **first), layout(12, **second)) == [f"public.i{n}" for n in dropped]


@pytest.mark.parametrize(
    "unlike",
    [
        {"relid": 20},
        {"datname": "other"},
        {"amname": "hash"},
        {"indclass": "1979"},
        {"indcollation": "100"},
        {"indoption": "3"},
        {"indkey": "1 2"},
        {"indpred": "{NULLTEST}"},
        {"indexprs": "({A})"},
        {"is_valid": False},
    ],
)
def test_what_differs_in_anything_is_none(unlike: dict[str, Any]) -> None:
    assert spare(layout(11), layout(12, **unlike)) == []


@pytest.mark.parametrize(
    "traits",
    [
        {"is_unique": True, "nulls_not_distinct": True},
        {"is_unique": True, "is_replica_identity": True},
        {"is_unique": True, "is_partition": True},
        {"is_unique": True, "is_of_extension": True},
    ],
)
def test_what_enforces_or_marks_something_else_stays(traits: dict[str, Any]) -> None:
    constraint = layout(12, is_unique=True, backs_constraint=True)
    assert spare(layout(11, **traits), constraint) == []


def test_a_deferrable_constraint_does_not_replace_a_unique_index() -> None:
    later = layout(12, is_unique=True, backs_constraint=True, is_immediate=False)
    assert spare(layout(11, is_unique=True), later) == []
    assert spare(layout(11), later) == ["public.i11"]


def test_storage_parameters_matter_where_they_change_what_is_stored() -> None:
    ranges = layout(12, amname="brin", reloptions=["pages_per_range=8"])
    assert spare(layout(11, amname="brin"), ranges) == []
    assert spare(layout(11), layout(12, reloptions=["fillfactor=70"])) == ["public.i12"]


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
