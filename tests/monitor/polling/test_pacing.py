"""The load budget: dear questions are asked less often, cheap ones keep their pace."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._base import Collector, Lane, Scope
from monitor.polling.pacing import STRETCH, WAITED_FOR, WORST, Pacing
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
    """Ten seconds of work every 5 min are stretched; 1 ms a second is not."""
    pacing, fast, slow = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.slow)
    pacing.answered(fast, 0.001)
    pacing.answered(slow, 10.0)
    assert pacing.of(fast) == 1.0
    assert 10.0 / pacing.of(slow) + 0.001 <= 0.01 + 1e-9
    assert pacing.of(slow) > 1000


@pytest.mark.parametrize("lane", [Lane.fast, Lane.normal, Lane.table])
def test_no_prompt_lane_is_stretched_beyond_four_times_its_pace(lane: Lane) -> None:
    """A server in trouble is not looked at rarely because it is in trouble; slow lanes wait."""
    pacing, dear, slow = Pacing(LANES, 0.01), collector(lane), collector(Lane.slow)
    pacing.answered(slow, 0.5)
    assert pacing.of(slow) == 300.0
    pacing.answered(dear, 60.0)
    assert pacing.of(dear) == STRETCH * LANES[lane]
    assert pacing.of(slow) == (300.0 if lane is Lane.fast else 500.0)
    assert pacing.stretches() == {
        one: STRETCH if one is lane else pacing.of(slow) / 300 if one is Lane.slow else 1.0
        for one in Lane
    }


def test_what_nobody_waits_for_is_asked_at_the_pace_of_the_normal_lane() -> None:
    """It takes no share of the fast lane then, and all of it again afterwards."""
    pacing, fast, eased = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.fast)
    pacing.answered(fast, 0.005)
    pacing.answered(eased, 0.010)
    assert pacing.of(fast) == pacing.of(eased) == pytest.approx(2.0)
    pacing.asks_at_leisure({eased})
    assert (pacing.of(fast), pacing.of(eased), pacing.unstretched(eased)) == (1.0, 15.0, 15.0)
    assert set(pacing.stretches().values()) == {1.0}
    pacing.asks_at_leisure(frozenset())
    assert pacing.of(fast) == pacing.of(eased) == pytest.approx(2.0)


def test_while_a_session_waits_the_fast_lane_is_stretched_to_three_seconds_at_most() -> None:
    """A pile-up is seen within that time, whatever it costs to look."""
    pacing, fast = Pacing(LANES, 0.01), collector(Lane.fast)
    pacing.answered(fast, 5.0)
    assert pacing.of(fast) == 4.0
    pacing.asks_between({fast: WAITED_FOR})
    assert pacing.of(fast) == WAITED_FOR
    pacing.asks_between({})
    assert pacing.of(fast) == 4.0


@given(st.lists(st.tuples(st.sampled_from(Lane), st.floats(0, 20)), min_size=1, max_size=30))
def test_what_can_be_stretched_keeps_the_budget(rounds: list[tuple[Lane, float]]) -> None:
    """Whatever rounds cost: what is not at its longest pace shares what the others leave, and a
    tenth in any case."""
    pacing = Pacing(LANES, 0.01)
    asked = [(collector(lane), cost) for lane, cost in rounds]
    for one, cost in asked:
        pacing.answered(one, cost)
    longest = {
        lane: max(WORST, pace) if lane in (Lane.slow, Lane.daily) else STRETCH * pace
        for lane, pace in LANES.items()
    }
    firm = sum(c / pacing.of(one) for one, c in asked if pacing.of(one) >= longest[one.lane])
    free = sum(c / pacing.of(one) for one, c in asked if pacing.of(one) < longest[one.lane])
    assert free <= max(0.01 - firm, 0.001) + 0.0075 + 1e-9
    assert firm > 0 or free <= 0.01 + 1e-9


def test_a_dear_catalogue_does_not_slow_down_the_fast_lane() -> None:
    """It is stretched by its own cost alone: a pile-up is not seen later for many tables."""
    pacing, fast = Pacing(LANES, 0.01), collector(Lane.fast)
    pacing.answered(fast, 0.006)
    for _ in range(40):
        pacing.answered(collector(Lane.table), 5.0)
    assert pacing.of(fast) == 1.0


def test_a_pace_that_becomes_shorter_makes_no_answer_too_old() -> None:
    """It was asked as often as the budget allowed; it is asked anew before it is thrown away."""
    pacing, fast, slow = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.slow)
    pacing.answered(slow, 6.0)
    pacing.answered(fast, 0.0075)
    stretched = pacing.of(slow)
    pacing.rests(fast)
    assert stretched == pytest.approx(2400)
    assert (pacing.of(slow), pacing.longest(slow)) == (600.0, stretched)
    pacing.answered(slow, 6.0)
    assert pacing.longest(slow) == 600.0


def test_in_distress_the_fast_lane_backs_off_last() -> None:
    """Time-outs in a row: the others double each time, the fast lane only after three; those that
    are prompt end at four times their pace."""
    pacing, fast, table = Pacing(LANES, 0.01), collector(Lane.fast), collector(Lane.table)
    slow = collector(Lane.slow)
    for _ in range(3):
        pacing.timed_out()
    assert (pacing.of(fast), pacing.of(table), pacing.of(slow)) == (1.0, 120.0, 2400.0)
    for _ in range(3):
        pacing.timed_out()
    assert (pacing.of(fast), pacing.of(table), pacing.of(slow)) == (4.0, 120.0, WORST)
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


def test_a_cost_that_is_about_the_same_changes_no_pace_but_many_small_steps_do() -> None:
    """Compared is what the paces were made by, and not the last estimate."""
    pacing, slow = Pacing(LANES, 0.01), collector(Lane.slow)
    pacing.answered(slow, 10.0)
    before = dict(pacing.shared_out)
    pacing.answered(slow, 10.3)
    assert pacing.shared_out == before
    for step in range(1, 8):
        pacing.answered(slow, 10.3 + step)
    assert pacing.shared_out == {(slow, False): 17.3}
    assert 17.3 / pacing.of(slow) <= 0.01 + 1e-9
    pacing.answered(slow, 1.0)
    assert pacing.of(slow) == 300.0, "a cheap one keeps its pace at once"
