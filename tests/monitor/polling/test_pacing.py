"""The load budget: dear questions are asked less often, cheap ones keep their pace."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._base import Collector, Lane, Scope
from monitor.polling.pacing import WORST, Pacing
from monitor.polling.token_bucket import ADVANCE, TokenBucket

LANES = {Lane.fast: 1.0, Lane.normal: 15.0, Lane.table: 30.0, Lane.slow: 300.0, Lane.daily: 3600.0}


@dataclass(frozen=True, slots=True)
class Row:
    datname: str


def collector(lane: Lane, scope: Scope = Scope.server) -> Collector[Row]:
    return Collector(row=Row, lane=lane, sql={140000: "select"}, scope=scope)


def test_within_the_budget_everybody_keeps_the_pace_of_the_lane() -> None:
    """Half a percent in all stretches nothing."""
    pacing, fast, table = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.table)
    pacing.answered(fast, 0.002)
    pacing.answered(table, 0.06)
    assert (pacing.of(fast), pacing.of(table)) == (1.0, 30.0)


def test_the_dear_one_is_asked_less_often_the_cheap_one_is_not() -> None:
    """Two seconds of server time every 30 s are stretched; 1 ms a second is not."""
    pacing, fast, table = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.table)
    pacing.answered(fast, 0.001)
    pacing.answered(table, 2.0)
    assert pacing.of(fast) == 1.0
    assert 2.0 / pacing.of(table) + 0.001 <= 0.01 + 1e-9
    assert pacing.of(table) > 200


@given(st.lists(st.tuples(st.sampled_from(Lane), st.floats(0, 20)), min_size=1, max_size=30))
def test_all_together_never_take_more_than_the_budget(rounds: list[tuple[Lane, float]]) -> None:
    """Whatever rounds cost, their sum stays within the budget, or at the longest pace there is."""
    pacing = Pacing(LANES, 0.01)
    asked = [(collector(lane), cost) for lane, cost in rounds]
    for one, cost in asked:
        pacing.answered(one, cost)
    shares = sum(
        cost / pacing.of(one) for one, cost in asked if pacing.of(one) < max(WORST, LANES[one.lane])
    )
    assert shares <= 0.01 + 1e-9


def test_a_dear_catalogue_does_not_slow_down_the_fast_lane() -> None:
    """It is stretched by its own cost alone: a pile-up is not seen later for many tables."""
    pacing, fast = Pacing(LANES, 0.01), collector(Lane.fast)
    pacing.answered(fast, 0.006)
    for _ in range(40):
        pacing.answered(collector(Lane.table), 5.0)
    assert pacing.of(fast) == 1.0


def test_a_pace_that_becomes_shorter_makes_no_answer_too_old() -> None:
    """It was asked as often as the budget allowed; it is asked anew before it is thrown away."""
    pacing, fast, table = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.table)
    pacing.answered(table, 0.6)
    pacing.answered(fast, 0.0075)
    stretched = pacing.of(table)
    pacing.rests(fast)
    assert stretched == pytest.approx(240)
    assert (pacing.of(table), pacing.longest(table)) == (60.0, stretched)
    pacing.answered(table, 0.6)
    assert pacing.longest(table) == 60.0


def test_one_slow_look_does_not_blind_the_fast_lane() -> None:
    """The machine was busy for a moment; a query that stays dear is believed soon."""
    pacing, fast = Pacing(LANES, 0.01), collector(Lane.fast)
    pacing.answered(fast, 0.002)
    pacing.answered(fast, 0.500)
    assert pacing.of(fast) == 1.0
    for _ in range(10):
        pacing.answered(fast, 0.050)
    assert 0.04 / pacing.of(fast) < 0.0075


def test_in_distress_the_fast_lane_backs_off_last() -> None:
    """Time-outs in a row: the others double each time, the fast lane only after three."""
    pacing, fast, table = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.table)
    for _ in range(3):
        pacing.timed_out()
    assert (pacing.of(fast), pacing.of(table)) == (1.0, 240.0)
    for _ in range(2):
        pacing.timed_out()
    assert (pacing.of(fast), pacing.of(table)) == (4.0, 960.0)
    pacing.answered(table, 0.0)
    assert (pacing.of(fast), pacing.of(table)) == (1.0, 30.0)


def test_a_walk_is_not_asked_for_more_often_than_it_takes() -> None:
    """With hundreds of databases the tour itself is the pace of what is per database."""
    pacing, walked = Pacing(LANES, 0.01), collector(Lane.table, Scope.database)
    pacing.on_tour(400.0)
    assert pacing.of(walked) == 400.0
    assert pacing.of(collector(Lane.table)) == 30.0


def test_what_a_long_tour_asks_does_not_slow_down_the_server_s_own_rounds() -> None:
    """Six seconds in a tour of twenty minutes are half a percent, not a fifth of the table lane."""
    pacing, walked, own = Pacing(LANES, 0.01), collector(Lane.table, Scope.database), Lane.normal
    settings = collector(own)
    pacing.on_tour(1200.0)
    pacing.answered(settings, 0.02)
    pacing.answered(walked, 6.0)
    assert (pacing.of(settings), pacing.of(walked)) == (LANES[own], 1200.0)


def test_walks_get_what_the_server_s_own_rounds_leave_but_half_at_least() -> None:
    """A busy server starves neither kind of question."""
    pacing, own = Pacing(LANES, 0.01), collector(Lane.normal)
    assert pacing.left_for_walks == 0.01
    pacing.answered(own, 0.03)
    assert abs(pacing.left_for_walks - 0.008) < 1e-9
    pacing.answered(own, 100.0)
    assert pacing.left_for_walks == 0.005


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_a_walk_spends_its_share_and_what_it_had_in_advance(visits: list[float]) -> None:
    """Whatever visits cost: at each moment the sum is at most the advance, the share, and the
    visit that is under way."""
    bucket, share, start = TokenBucket(), 0.005, 1000.0
    now, spent = start, 0.0
    for cost in visits:
        now += 1.0
        bucket.spend(cost, 1.0, share, now)
        spent += cost
        assert spent <= ADVANCE + share * (now - start) + cost + 1e-9
        now += bucket.wait(share)


def test_a_tour_in_the_long_run_takes_what_its_visits_may_cost() -> None:
    """A thousand visits of 20 ms within half a percent take more than an hour."""
    bucket = TokenBucket()
    for n in range(100):
        bucket.spend(0.02, 0.1, 0.005, 1000.0 + n)
    assert 3900 < bucket.walk_seconds(1000, 0.005) < 4001


def test_databases_that_want_more_than_there_is_leave_half_to_the_server() -> None:
    """What is asked of the server as a whole keeps its pace as long as half is enough for it."""
    pacing, own = Pacing(LANES, 0.01), collector(Lane.normal)
    pacing.answered(own, 0.06)
    pacing.answered(collector(Lane.table, Scope.database), 10.0)
    assert pacing.of(own) == LANES[Lane.normal]
