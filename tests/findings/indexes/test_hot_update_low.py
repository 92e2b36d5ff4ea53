"""hot_update_low: frequent updates that find no space on the page of their row."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.hot_update_low import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from collectors.table_layout import TableLayout, table_layout
from tests.findings.indexes.layouts import layout
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

UPDATED = layout(
    stats_reset=AT - 100_000,
    n_tup_upd=2_000_000,
    n_tup_hot_upd=100_000,
    n_tup_newpage_upd=1_500_000,
)
TABLE = TableLayout(
    datname=UPDATED.datname,
    relid=UPDATED.relid,
    schemaname="public",
    relname="orders",
    relfilenode=10,
    block_size=8192,
    relpages=1000,
    reltuples=1e5,
    fillfactor=100,
    n_live_tup=100_000,
    n_dead_tup=0,
    n_mod_since_analyze=0,
    analyze_seconds=None,
    vacuum_seconds=None,
    last_analyze=None,
    attlen=[4],
    attalign="i",
    attstorage="p",
    attnotnull=[True],
    attisdropped=[False],
    atthasmissing=[False],
    attisvirtual=[False],
    typname=["int4"],
    atttypmod=[-1],
    statistics_target=100,
)


def judged(index: IndexLayout, *tables: TableLayout) -> Verdict:
    return verdict_of(finding, seen((index_layout, [index]), (table_layout, tables)))


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


def test_what_has_space_already_or_is_small_is_healthy() -> None:
    """There is nothing to set on the first, and small tables are not read."""
    assert judged(UPDATED, replace(TABLE, fillfactor=94)).state is State.healthy
    assert judged(UPDATED).state is State.healthy


def test_before_16_or_without_an_answer_it_is_unknown() -> None:
    assert judged(replace(UPDATED, n_tup_newpage_upd=None), TABLE).state is State.unknown
    blind = replace(seen((table_layout, [TABLE])), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
