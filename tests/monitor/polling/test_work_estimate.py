"""The estimate of a query's work: the query itself raises it, a busy machine does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.polling.work_estimate import (
    BELIEVED,
    KEPT,
    OURS,
    PATIENCE,
    WorkEstimate,
    WorkEstimates,
)
from monitor.reading import Cost


def took(seconds: float, run: float | None = None) -> Cost:
    return Cost(seconds, seconds, run)


def known(seconds: float = 0.002, now: float = 0.0) -> WorkEstimate:
    """An estimate that is not provisional any more."""
    estimate = WorkEstimate()
    for _ in range(KEPT):
        assert not estimate.is_dear(took(seconds))
        estimate = estimate.keep(took(seconds), now)
    return estimate


def test_it_is_the_least_of_the_last_rounds() -> None:
    """What others took longer they have waited."""
    estimate = known(0.002)
    for seconds in (0.003, 0.0021, 0.004, 0.003, 0.0035):
        estimate = estimate.keep(took(seconds), 0)
    assert estimate.seconds == 0.0021


def test_no_round_is_dear_before_five_are_known() -> None:
    """There is nothing yet to compare it with."""
    estimate = WorkEstimate().keep(took(0.001), 0)
    assert estimate.is_provisional
    assert not estimate.is_dear(took(9.0))
    assert known().is_dear(took(0.0046))
    assert not known().is_dear(took(0.0044))


def test_an_answer_on_a_busy_machine_bounds_the_waiting_and_never_raises_it() -> None:
    """A first round that waited for cold storage is not charged for as long as others are busy."""
    first = WorkEstimate().keep(took(0.3 + OURS, run=0.001), 0)
    assert first.seconds == pytest.approx(0.3)
    busy = first.bound(took(0.9, run=0.003), 0)
    assert busy.seconds == pytest.approx(0.3 - 0.001 + 0.002)
    assert busy.bound(took(0.01, run=0.002), 0).waiting == pytest.approx(0.008 - OURS)
    assert WorkEstimate().bound(took(0.9, run=0.003), 0).seconds == 0.003


def test_a_query_that_has_become_dear_is_believed_after_ten_rounds() -> None:
    """Nothing explains them; one that is as before begins the count anew."""
    estimate = known(0.002)
    for _ in range(BELIEVED - 1):
        estimate = estimate.doubt(took(0.05), 0)
    assert estimate.keep(took(0.002), 0).dear == ()
    assert estimate.seconds == 0.002
    assert estimate.doubt(took(0.05), 0).seconds == 0.05


def test_rounds_that_the_machine_explains_teach_nothing_for_a_quarter_of_an_hour() -> None:
    """Then the estimate is doubled: what is dear for so long is partly the query's own."""
    estimate = known(0.002, now=1000)
    for now in range(1000, 1000 + int(PATIENCE), 10):
        estimate = estimate.leave_out(took(0.05), now)
    assert estimate.seconds == 0.002
    assert estimate.leave_out(took(0.05), 1000 + PATIENCE).seconds == pytest.approx(0.0045)


def test_cpu_time_that_we_see_counts_as_it_is() -> None:
    """Only what is beside it, I/O or a wait for us, is the least of the last rounds."""
    estimate = WorkEstimate()
    for waited, run in ((0.03, 0.002), (OURS + 0.001, 0.004), (0.5, 0.003)):
        estimate = estimate.keep(took(run + waited, run), 0)
    assert estimate.seconds == pytest.approx(0.003 + 0.001)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1), st.booleans()), max_size=40))
def test_a_total_is_the_sum_over_databases(rounds: list[tuple[str, float, bool]]) -> None:
    """Whatever is learned, and whichever database is dropped."""
    estimates = WorkEstimates()
    for database, seconds, dropped in rounds:
        before = estimates.of("tables", database)
        estimates.put("tables", database, before.keep(took(seconds), 0))
        if dropped:
            estimates.forget(database)
    left = sum(one.seconds for one in estimates.known.get("tables", {}).values())
    assert estimates.total("tables") == pytest.approx(left)
