"""hot_update_low: frequent updates that find no space on the page of their row."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.hot_update_low import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from collectors.user_tables import UserTable, user_tables
from tests.findings.indexes.layouts import layout
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

UPDATED = layout(
    stats_reset=AT - 100_000,
    n_tup_upd=2_000_000,
    n_tup_hot_upd=100_000,
    n_tup_newpage_upd=1_500_000,
)
TABLE: UserTable = filled(
    UserTable, datname=UPDATED.datname, relid=UPDATED.relid, relname="orders", reloptions=[]
)


def judged(index: IndexLayout, *tables: UserTable) -> Verdict:
    return verdict_of(finding, seen((index_layout, [index]), (user_tables, tables)))


def test_it_is_told_once_a_table_with_its_fillfactor() -> None:
    [subject] = judged(UPDATED, TABLE).subjects
    assert subject.evidence.message.startswith("75 % of 2,000,000 updates of public.orders")
    assert "Its fillfactor is 100" in subject.evidence.message


@pytest.mark.parametrize(
    "traits",
    [
        {"n_tup_hot_upd": 600_000},
        {"n_tup_newpage_upd": 999_999},
        {"n_tup_upd": 1_600_000},
        {"stats_reset": AT - 86_000},
        {"stats_reset": None},
    ],
)
def test_hot_enough_or_rare_or_young_is_healthy(traits: dict[str, Any]) -> None:
    assert judged(replace(UPDATED, **traits), TABLE).state is State.healthy


def test_what_has_space_already_is_healthy() -> None:
    for factor, state in ((94, State.healthy), (95, State.ill)):
        options = ["autovacuum_enabled=true", f"fillfactor={factor}"]
        assert judged(UPDATED, replace(TABLE, reloptions=options)).state is state
    assert judged(UPDATED).state is State.healthy, "it was dropped"


def test_before_16_or_without_an_answer_it_is_unknown() -> None:
    assert judged(replace(UPDATED, n_tup_newpage_upd=None), TABLE).state is State.unknown
    blind = replace(seen((user_tables, [TABLE])), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
