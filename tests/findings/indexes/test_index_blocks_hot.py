"""index_blocks_hot: updates that had space and were not HOT, on a table with an unneeded index."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.index_blocks_hot import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import layout
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

UPDATED = layout(
    11,
    stats_reset=AT - 100_000,
    n_tup_upd=2_000_000,
    n_tup_hot_upd=100_000,
    n_tup_newpage_upd=500_000,
    idx_scan=19_999,
)
KEY = replace(UPDATED, indexrelid=12, is_unique=True, backs_constraint=True, idx_scan=0)


def judged(*rows: IndexLayout) -> Verdict:
    return verdict_of(finding, seen((index_layout, rows)))


def test_it_names_the_index_that_is_hardly_used() -> None:
    [subject] = judged(UPDATED, KEY, replace(UPDATED, indexrelid=13, idx_scan=10**9)).subjects
    evidence = subject.evidence
    assert evidence.facts["hardly_used"] == "i11"
    assert "At least 70 % of 2,000,000 updates of public.orders" in evidence.message


@pytest.mark.parametrize(
    "traits",
    [
        {"n_tup_hot_upd": 600_000},
        {"n_tup_newpage_upd": 1_000_000},
        {"n_tup_upd": 1_600_000},
        {"idx_scan": 20_000},
        {"stats_reset": AT - 86_000},
        {"stats_reset": None},
        {"supports_fk": True},
        {"amname": "brin"},
        {"blocks_fetched": 1_899_999},
    ],
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert (
        judged(
            replace(UPDATED, **traits),
            replace(KEY, stats_reset=traits.get("stats_reset", KEY.stats_reset)),
        ).state
        is State.healthy
    )


def test_before_16_the_cause_is_not_known() -> None:
    older = replace(UPDATED, n_tup_newpage_upd=None)
    verdict = judged(older)
    assert (verdict.state, verdict.subjects) == (State.unknown, ())
    assert judged(replace(older, n_tup_hot_upd=600_000)).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
