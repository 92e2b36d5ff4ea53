"""index_soft_delete_full: large indexes for searches that hold deleted rows."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.index_soft_delete_full import finding
from collectors._base import Absence
from collectors.soft_delete_columns import soft_delete_columns
from tests.findings.indexes.layouts import MIB, layout, on
from tests.findings.indexes.soft_deletes import LIVE, MARK, marked
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

FULL = layout(11)


def test_it_is_built_anew_without_them() -> None:
    [subject] = verdict_of(finding, marked(FULL)).subjects
    assert "it would take 70 MiB instead of 100 MiB" in subject.evidence.message
    statement = (
        "CREATE INDEX CONCURRENTLY ON public.orders USING btree (a) WHERE deleted_at IS NULL;"
    )
    assert statement in subject.evidence.cure


@pytest.mark.parametrize(
    "traits",
    [
        {"size_bytes": 99 * MIB},
        {"is_unique": True},
        {"supports_fk": True},
        {"indpred": LIVE},
        {"indpred": "{OPEXPR}"},
        {"indkey": "3"},
        {"indexprs": f"({LIVE})"},
        {"is_partition": True},
        {"amname": "brin"},
    ],
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert verdict_of(finding, marked(replace(FULL, **traits))).state is State.healthy


def test_few_deleted_rows_or_a_partial_twin_are_fine() -> None:
    for snapshot in (
        marked(FULL, deleted=0.29),
        marked(FULL, deleted=None),
        marked(FULL, mark=replace(MARK, typname="bool")),
        marked(FULL, layout(12, indpred=LIVE)),
    ):
        assert verdict_of(finding, snapshot).state is State.healthy


def test_what_the_catalogues_do_not_tell_is_advice() -> None:
    text = replace(FULL, columns='[["a", "text", false, 950, true]]', indcollation="100")
    pattern = replace(FULL, columns='[["a", "text", false, 0, false]]')
    for index in (text, pattern, on(0, oid=11, columns="[[null, null, null, null, null]]")):
        [subject] = verdict_of(finding, marked(index)).subjects
        assert not any(line.startswith("CREATE") for line in subject.evidence.cure)


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={soft_delete_columns: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
