"""index_btree_on_array: no index searches what is inside, and this one is no help."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.index_btree_on_array import finding
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import layout
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

TAGS = layout(11, columns='[["tags", "_text", false, 100, true]]', idx_scan=5, seq_scan=5)


def found(*rows: IndexLayout) -> list[str]:
    verdict = verdict_of(finding, seen((index_layout, rows)))
    return [subject.evidence.facts["type"] for subject in verdict.subjects]  # type: ignore[misc]


def of_type(number: int, name: str) -> IndexLayout:
    columns = f'[["a\\" (, b", "{name}", false, 0, true]]'
    return replace(TAGS, indexrelid=number, relid=number, columns=columns)


def test_types_that_hold_more_than_one_value() -> None:
    types = ("_int4", "jsonb", "tsvector", "text", "int4range", "jsonbx")
    assert found(*(of_type(*one) for one in enumerate(types))) == ["int4[]", "jsonb", "tsvector"]


@pytest.mark.parametrize(
    "traits",
    [
        {"idx_scan": 6},
        {"is_unique": True},
        {"backs_constraint": True},
        {"amname": "gin"},
        {"is_valid": False},
        {"columns": '[[null, null, null, null, null], ["tags", "_text", false, 100, true]]'},
    ],
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert found(replace(TAGS, **traits)) == []


def test_with_a_gin_index_it_is_a_matter_of_its_use() -> None:
    assert found(TAGS, layout(12, amname="gin")) == []
    assert found(TAGS, layout(12, amname="gin", indkey="2"), layout(13, amname="hash"))


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
