"""index_load: one line for a table whose indexes cost much, and none for a busy healthy one."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.index_load import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import MIB, layout
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

DAY = 86400.0
WRITTEN = {"n_tup_ins": 1_000_000, "stats_reset": AT - 8 * DAY}


def judged(*rows: IndexLayout) -> Verdict:
    return verdict_of(finding, seen((index_layout, rows)))


def many(count: int, **traits: Any) -> list[IndexLayout]:
    return [layout(11 + n, **{**WRITTEN, "idx_scan": 50_000, **traits}) for n in range(count)]


def test_too_many_are_one_line() -> None:
    [subject] = judged(*many(11)).subjects
    assert "has 11 indexes of 1.1 GiB: each was written 1,000,000 times" in subject.evidence.message
    assert judged(*many(10)).subjects == ()
    assert judged(*many(11, idx_scan=100_000)).subjects == (), "they are used as often"


def test_a_rarely_used_one_is_named() -> None:
    busy = layout(11, **WRITTEN, idx_scan=10_000_000)
    rare = layout(12, **WRITTEN, idx_scan=9_999)
    [subject] = judged(busy, rare).subjects
    assert subject.evidence.facts["rarely_used"] == "i12"


@pytest.mark.parametrize(
    "traits",
    [
        {"idx_scan": 10_000},
        {"idx_scan": 0},
        {"size_bytes": 99 * MIB},
        {"is_unique": True},
        {"supports_fk": True},
        {"backs_constraint": True},
        {"n_tup_ins": 99_999, "idx_scan": 1},
        {"n_tup_ins": 0, "n_tup_upd": 1_000_000, "n_tup_hot_upd": 950_000, "idx_scan": 10},
        {"stats_reset": AT - 6 * DAY},
        {"stats_reset": None},
        {"is_of_extension": True},
        {"blocks_fetched": 999_999},
    ],
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert judged(layout(12, **{**WRITTEN, "idx_scan": 9_999, **traits})).state is State.healthy


def test_scans_that_read_very_many_entries_are_named() -> None:
    rare = layout(12, **WRITTEN, idx_scan=100, idx_tup_read=1_000_000)
    [subject] = judged(rare).subjects
    assert subject.evidence.facts["inefficient"] == "i12"


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
