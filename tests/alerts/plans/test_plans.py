"""Baselines, hours of the week and statements of indexes: what the finding is built of."""

from dataclasses import replace
from math import isclose

import pytest

from alerts.plans.baseline import KEPT, Baseline, Windows
from alerts.plans.cost import PerCall
from alerts.plans.index_text import create
from alerts.plans.week import HOURS, Week, hour_of
from tests.findings.indexes.layouts import LAYOUT

CALL = PerCall(100, 0.002, 40, 1, 0, 0, 0, 0)


def call(**given: float) -> PerCall:
    return CALL._replace(**given)


def test_windows_keep_the_newest() -> None:
    windows = Windows([call(blocks=n) for n in range(KEPT + 3)])
    assert len(windows) == KEPT
    assert [window.blocks for window in windows][:2] == [3, 4]


def test_what_varies_must_change_more() -> None:
    """Three times the usual is much for an even statement, and little for an uneven one."""
    even = Baseline.of([call(blocks=40 + n % 3) for n in range(20)])
    uneven = Baseline.of([call(blocks=40 * (1 + n % 4)) for n in range(20)])
    assert even.is_beyond("blocks", call(blocks=130), 3)
    assert not uneven.is_beyond("blocks", call(blocks=330), 3)
    assert not even.is_beyond("blocks", call(blocks=100), 3)
    assert even.is_below("blocks", call(blocks=4), 3)


def test_a_single_dear_window_raises_what_counts_as_new() -> None:
    windows = [call() for _ in range(20)] + [call(blocks=400)]
    assert not Baseline.of(windows).is_beyond("blocks", call(blocks=600), 3)
    assert Baseline.of(windows).is_beyond("blocks", call(blocks=800), 3)


def test_near_nothing_all_amounts_are_equal() -> None:
    base = Baseline.of([call(blocks=0, temp_blocks=0) for _ in range(20)])
    assert not base.is_beyond("blocks", call(blocks=1), 3)
    assert base.is_beyond("blocks", call(blocks=10), 3)


def test_a_week_is_packed_and_read_again() -> None:
    week = Week()
    week.note(5, [call(seconds=3e-6), call(seconds=5e-6), call(seconds=4e-6)])
    packed = week.pack(1_700_000_000.4)
    assert len(packed) < 4000
    assert Week.noted(packed) == 1_700_000_000
    known = Week.unpack(packed)
    assert known is not None
    found = known.at(5)
    assert found is not None
    assert isclose(found.seconds, 4e-6, rel_tol=1e-3)
    assert isclose(found.blocks, 40, rel_tol=1e-3)
    assert found.temp_blocks == 0
    assert known.at(6) is None
    assert list(known.same_hours(29)) == [found]


@pytest.mark.parametrize("stored", [None, 7, "", "not packed\\", "0" * 10, ["x"]])
def test_what_was_not_packed_is_none(stored: object) -> None:
    assert Week.unpack(stored) is None
    assert Week.noted(stored) == 0


def test_the_last_hours_before_one_go_round_the_week() -> None:
    week = Week()
    for hour in (2, 100, 160):
        week.note(hour, [call(blocks=hour)])
    found = week.until(3, 2)
    assert [round(one.blocks) for one in found] == [160, 2]


def test_an_hour_of_another_week_counts_half() -> None:
    week = Week()
    week.note(0, [call(blocks=10)])
    week.note(0, [call(blocks=1000)])
    found = week.at(0)
    assert found is not None
    assert isclose(found.blocks, 100, rel_tol=0.01)


def test_hours_begin_on_monday_in_utc() -> None:
    monday = 1_699_833_600.0
    assert hour_of(monday) == 0
    assert hour_of(monday - 1) == HOURS - 1
    assert hour_of(monday + 26 * 3600) == 26


def test_an_index_is_made_again_as_it_was() -> None:
    odd = replace(
        LAYOUT,
        indexrelname="Odd one",
        indkey="1 2 3",
        indnkeyatts=2,
        indclass="1978 1978",
        indcollation="0 100",
        indoption="3 0",
        columns='[["a", "int4", false, 0, true], ["b\\"c", "text", true, 100, true],'
        ' ["d", "text", true, 100, null]]',
        reloptions=["fillfactor=80"],
        is_unique=True,
    )
    assert create(odd) == (
        'CREATE UNIQUE INDEX CONCURRENTLY "Odd one" ON public.orders USING btree'
        ' (a DESC, "b""c") INCLUDE (d) WITH (fillfactor=80);'
    )


@pytest.mark.parametrize(
    "traits",
    [
        {"indexprs": "({FUNCEXPR})", "indkey": "0"},
        {"indpred": "({OPEXPR})"},
        {"columns": '[["a", "int4", false, 0, false]]'},
        {"indcollation": "950", "columns": '[["a", "text", false, 100, true]]'},
        {"opclass_options": "siglen=16"},
    ],
)
def test_an_index_that_is_not_wholly_known_is_not_made(traits: dict[str, str]) -> None:
    assert create(replace(LAYOUT, **traits)) is None  # type: ignore[arg-type]
