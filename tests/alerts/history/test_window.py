"""Windows of counters are true, begin anew where they must, and stay small."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.history.recorder import Recorder
from alerts.history.window import SAMPLES, Delta, Window
from collectors._base import Answer, Collector, Lane
from tests.fixtures.meters import MINUTE, START, Meter, known, meters, note, watching

READS = Window(meters, MINUTE)


def minute(recorder: Recorder, seconds: float) -> Delta:
    return known(recorder, READS, seconds).delta(MINUTE)["a",]


def test_a_delta_is_the_increase_over_true_seconds() -> None:
    """Every counter of the key, between the two answers that span the window."""
    watched = watching(READS)
    for second in range(0, 121, 10):
        note(watched, second, Meter("a", second * 2, second))
    delta = minute(watched, 120)
    assert (delta.increase, delta.seconds, delta.full) == ({"reads": 120, "writes": 60}, 60, True)


def test_a_window_is_learning_until_it_is_full() -> None:
    """It says when it will be full."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 0))
    note(watched, 30, Meter("a", 5))
    delta = minute(watched, 30)
    assert (delta.full, delta.until) == (False, START + 60)
    note(watched, 60, Meter("a", 9))
    assert minute(watched, 60).full


@pytest.mark.parametrize(
    "after",
    [Meter("a", 3), Meter("a", 200, reset="today"), Meter("a", 200, -1)],
    ids=["a counter fell", "a new epoch", "another counter fell"],
)
def test_a_reset_begins_anew(after: Meter) -> None:
    """No increase is counted across it, and the window is learning again."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 0))
    note(watched, 60, Meter("a", 100))
    note(watched, 120, after)
    delta = minute(watched, 120)
    assert (delta.increase["reads"], delta.full) == (0, False)
    assert known(watched, READS, 120).step() == {}


def test_a_key_that_left_begins_anew() -> None:
    """Its successor of the same name has another history."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 0), Meter("b", 0))
    note(watched, 60, Meter("b", 5))
    note(watched, 120, Meter("a", 50), Meter("b", 9))
    assert known(watched, READS, 120).step().keys() == {("b",)}
    assert minute(watched, 120).increase["reads"] == 0


def test_a_counter_that_is_not_known_is_not_zero() -> None:
    """A row without its counter has no delta at all."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 5))
    note(watched, 60, Meter("a", None))
    assert known(watched, READS, 60).delta(MINUTE) == {}


def test_one_row_of_the_whole_server_has_a_window_too() -> None:
    """It has no key, and needs none."""
    whole = Collector(row=Meter, lane=Lane.normal, counters=("reads",))
    kind = Window(whole, MINUTE)
    watched = watching(kind)
    for second in (0, 60):
        watched.record(whole, Answer((Meter("", 5),), START + second))
    assert known(watched, kind, 60).delta(MINUTE)[()].full


def test_another_server_begins_anew() -> None:
    """After a failover the counters are those of somebody else."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 5))
    watched.restart()
    assert known(watched, READS, 0).delta(MINUTE) == {}


def test_a_step_is_between_the_last_two_answers() -> None:
    """Also where thinning has taken the one before out of the window."""
    hour = Window(meters, timedelta(hours=1))
    watched = watching(hour)
    for second in range(100):
        note(watched, second, Meter("a", second * second))
    step = known(watched, hour, 100).step()["a",]
    assert (step.increase["reads"], step.seconds) == (99**2 - 98**2, 1)


def test_a_view_stays_as_it_was() -> None:
    """Whatever is learned afterwards: a judge may still be reading it."""
    watched = watching(READS)
    for second in range(0, 70, 10):
        note(watched, second, Meter("a", second))
    before = known(watched, READS, 60)
    was = before.delta(MINUTE), before.step()
    note(watched, 70, Meter("b", 1))
    watched.restart()
    assert (before.delta(MINUTE), before.step()) == was


def test_two_findings_may_watch_the_same_counter() -> None:
    """Their windows share one set of samples: a step is what came since the last answer."""
    longer = Window(meters, 5 * MINUTE)
    watched = watching(READS, longer)
    for second in range(0, 300, 10):
        note(watched, second, Meter("a", second))
    for kind in (READS, longer):
        view = known(watched, kind, 290)
        assert view.step()["a",].increase["reads"] == 10
        assert view.delta(4 * MINUTE)["a",].increase["reads"] == 240
    assert known(watched, READS, 290).windows is known(watched, longer, 290).windows


pauses = st.lists(st.floats(0.25, 40), min_size=1, max_size=300)


@given(pauses, st.data())
def test_every_delta_is_between_two_true_answers(gaps: list[float], data: st.DataObject) -> None:
    """However irregular the answers: nothing is made up, nothing grows, and enough is spanned."""
    watched = watching(READS)
    times = [START + sum(gaps[:n]) for n in range(len(gaps))]
    values = [float(n * n) for n in range(len(times))]
    for at, value in zip(times, values, strict=True):
        watched.record(meters, Answer((Meter("a", value),), at))
    window = timedelta(seconds=data.draw(st.floats(5, 60)))
    view = known(watched, READS, times[-1] - START)
    delta = view.delta(window)["a",]
    oldest = min(range(len(times)), key=lambda n: abs(times[-1] - delta.seconds - times[n]))
    assert delta.seconds == times[-1] - times[oldest]
    assert delta.increase["reads"] == values[-1] - values[oldest]
    assert delta.full == (delta.seconds >= window.total_seconds() * 0.95)
    if times[-1] - times[0] >= 60:
        assert delta.full
    assert len(view.windows["a",].samples) <= SAMPLES + 3


@given(st.lists(st.integers(0, 10), min_size=2, max_size=60))
def test_no_increase_is_ever_negative(values: list[int]) -> None:
    """Whatever falls, falls out."""
    watched = watching(READS)
    for second, value in enumerate(values):
        note(watched, second, Meter("a", value))
        assert minute(watched, second).increase["reads"] >= 0
        steps = known(watched, READS, second).step().values()
        assert all(step.increase["reads"] >= 0 for step in steps)
