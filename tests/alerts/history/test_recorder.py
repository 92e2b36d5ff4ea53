"""What is remembered of past answers is true, begins anew where it must, and stays small."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.history.counters import SAMPLES, Delta
from alerts.history.kinds import Crossings, History, LastSeen, Unchanged, Window
from alerts.history.memory import Memory
from alerts.history.recorder import STEPS, Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Absence, Answer, Collector, Lane

START = 1_700_000_000.0
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Meter:
    name: str
    reads: float | None
    writes: float | None = 0
    reset: str | None = None


meters = Collector(
    row=Meter,
    lane=Lane.normal,
    key=("name",),
    counters=("reads", "writes"),
    epoch="reset",
)


def watching(*wants: History, memory: Memory | None = None) -> Recorder:
    return Recorder(wants=wants, memory=memory or Memory(), cluster="7001", server="db1")


def note(recorder: Recorder, seconds: float, *rows: Meter) -> None:
    recorder.record(meters, Answer(rows, START + seconds))


def minute(recorder: Recorder, seconds: float) -> Delta:
    return recorder.delta(meters, MINUTE, START + seconds)[("a",)]


def test_a_delta_is_the_increase_over_true_seconds() -> None:
    """Every counter of the key, between the two answers that span the window."""
    watched = watching(Window(meters, MINUTE))
    for second in range(0, 121, 10):
        note(watched, second, Meter("a", second * 2, second))
    delta = minute(watched, 120)
    assert (delta.increase, delta.seconds, delta.full) == ({"reads": 120, "writes": 60}, 60, True)


def test_a_window_is_learning_until_it_is_full() -> None:
    """It says when it will be full."""
    watched = watching(Window(meters, MINUTE))
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
    watched = watching(Window(meters, MINUTE))
    note(watched, 0, Meter("a", 0))
    note(watched, 60, Meter("a", 100))
    note(watched, 120, after)
    delta = minute(watched, 120)
    assert (delta.increase["reads"], delta.full) == (0, False)
    assert watched.step(meters) == {}


def test_a_key_that_left_begins_anew() -> None:
    """Its successor of the same name has another history."""
    watched = watching(Window(meters, MINUTE))
    note(watched, 0, Meter("a", 0), Meter("b", 0))
    note(watched, 60, Meter("b", 5))
    note(watched, 120, Meter("a", 50), Meter("b", 9))
    assert watched.step(meters).keys() == {("b",)}
    assert minute(watched, 120).increase["reads"] == 0


def test_a_counter_that_is_not_known_is_not_zero() -> None:
    """A row without its counter has no delta at all."""
    watched = watching(Window(meters, MINUTE))
    note(watched, 0, Meter("a", 5))
    note(watched, 60, Meter("a", None))
    assert watched.delta(meters, MINUTE, START + 60) == {}


def test_another_server_begins_anew() -> None:
    """After a failover the counters are those of somebody else."""
    watched = watching(Window(meters, MINUTE), Crossings(meters, "reads"))
    note(watched, 0, Meter("a", 5))
    watched.restart()
    assert watched.delta(meters, MINUTE, START) == {}
    assert watched.passed(meters, "reads", 1, START) is None


def test_a_step_is_between_the_last_two_answers() -> None:
    """Also where thinning has taken the one before out of the window."""
    watched = watching(Window(meters, timedelta(hours=1)))
    for second in range(100):
        note(watched, second, Meter("a", second * second))
    step = watched.step(meters)[("a",)]
    assert (step.increase["reads"], step.seconds) == (99**2 - 98**2, 1)


def test_what_nobody_wants_is_not_kept() -> None:
    """Memory is for what a finding declared."""
    watched = watching()
    note(watched, 0, Meter("a", 5))
    assert not watched.rings
    assert not watched.trails
    assert not watched.memory.take_changes()


pauses = st.lists(st.floats(0.25, 40), min_size=1, max_size=300)


@given(pauses, st.data())
def test_every_delta_is_between_two_true_answers(gaps: list[float], data: st.DataObject) -> None:
    """However irregular the answers: nothing is made up, nothing grows, and enough is spanned."""
    watched = watching(Window(meters, MINUTE))
    times = [START + sum(gaps[:n]) for n in range(len(gaps))]
    values = [float(n * n) for n in range(len(times))]
    for at, value in zip(times, values, strict=True):
        watched.record(meters, Answer((Meter("a", value),), at))
    window = timedelta(seconds=data.draw(st.floats(5, 60)))
    delta = watched.delta(meters, window, times[-1])[("a",)]
    oldest = min(range(len(times)), key=lambda n: abs(times[-1] - delta.seconds - times[n]))
    assert delta.seconds == times[-1] - times[oldest]
    assert delta.increase["reads"] == values[-1] - values[oldest]
    assert delta.full == (delta.seconds >= window.total_seconds() * 0.95)
    if times[-1] - times[0] >= 60:
        assert delta.full
    assert len(watched.rings[meters][("a",)].samples) <= SAMPLES + 3


@given(st.lists(st.integers(0, 10), min_size=2, max_size=60))
def test_no_increase_is_ever_negative(values: list[int]) -> None:
    """Whatever falls, falls out."""
    watched = watching(Window(meters, MINUTE))
    for second, value in enumerate(values):
        note(watched, second, Meter("a", value))
        assert minute(watched, second).increase["reads"] >= 0
        assert all(step.increase["reads"] >= 0 for step in watched.step(meters).values())


def still(recorder: Recorder, seconds: float) -> tuple[float, bool]:
    quiet = recorder.quiet(meters, "reads", START + seconds)[("a",)]
    return quiet.seconds, quiet.moved


def test_a_counter_is_quiet_since_it_last_moved() -> None:
    """Before it ever moved, it is known only for as long as it was watched."""
    watched = watching(Unchanged(meters, "reads"))
    note(watched, 0, Meter("a", 5))
    note(watched, 100, Meter("a", 5))
    assert still(watched, 100) == (100, False)
    note(watched, 200, Meter("a", 6))
    note(watched, 300, Meter("a", 6))
    assert still(watched, 300) == (100, True)


def test_nothing_is_known_of_the_time_since_the_newest_answer() -> None:
    """What is used again and again is not quiet because nobody has looked for a while."""
    watched = watching(Unchanged(meters, "reads"))
    for second in (0, 100, 200):
        note(watched, second, Meter("a", second))
    newest = {meters: Answer((Meter("a", 200),), START + 200)}
    later = Snapshot(ServerIdentity("db1"), START + 290, newest, recorder=watched)
    assert later.quiet(meters, "reads")[("a",)].seconds == 0


def test_one_row_of_the_whole_server_is_quiet_too() -> None:
    """It has no key, and needs none."""
    whole = Collector(row=Meter, lane=Lane.normal, counters=("reads",))
    watched = watching(Unchanged(whole, "reads"), Window(whole, MINUTE))
    for second in (0, 60):
        watched.record(whole, Answer((Meter("", 5),), START + second))
    assert watched.quiet(whole, "reads", START + 60)[()].seconds == 60
    assert watched.delta(whole, MINUTE, START + 60)[()].full


def test_quiet_goes_on_over_a_restart() -> None:
    """Weeks of stillness are not lost with a pod."""
    memory = Memory()
    note(watching(Unchanged(meters, "reads"), memory=memory), 0, Meter("a", 5))
    again = watching(Unchanged(meters, "reads"), memory=memory)
    note(again, 1000, Meter("a", 5))
    assert still(again, 1000) == (1000, False)


def test_what_moved_while_we_were_away_is_not_quiet() -> None:
    """The value itself is remembered, not just the time."""
    memory = Memory()
    note(watching(Unchanged(meters, "reads"), memory=memory), 0, Meter("a", 5))
    again = watching(Unchanged(meters, "reads"), memory=memory)
    note(again, 1000, Meter("a", 6))
    assert still(again, 1000) == (0, True)


@pytest.mark.parametrize("after", [Meter("a", 3), Meter("a", 5, reset="today")])
def test_a_reset_makes_quiet_begin_anew(after: Meter) -> None:
    """After it nobody knows whether the counter moved before."""
    watched = watching(Unchanged(meters, "reads"))
    note(watched, 0, Meter("a", 5))
    note(watched, 100, after)
    assert still(watched, 100) == (0, False)


def test_quiet_forgets_who_is_gone_unless_a_database_was_not_asked() -> None:
    """A database that could not be asked has not lost its indexes."""
    watched = watching(Unchanged(meters, "reads"))
    note(watched, 0, Meter("a", 5))
    watched.record(meters, Answer((), START + 50, {"shop": Absence("a timeout")}))
    assert still(watched, 50) == (50, False)
    note(watched, 100)
    assert watched.quiet(meters, "reads", START + 100) == {}


def test_a_value_was_passed_when_it_was_first_above() -> None:
    """Exact only where memory reaches back to before."""
    watched = watching(Crossings(meters, "reads"))
    for second, value in ((0, 10), (10, 20), (20, 20), (30, 30)):
        note(watched, second, Meter("a", value))
    found = [watched.passed(meters, "reads", value, START + 40) for value in (5, 15, 20, 30)]
    assert [(p.seconds, p.exact) if p else None for p in found] == [
        (40, False),
        (30, True),
        (10, True),
        None,
    ]


def test_a_trail_that_falls_begins_anew() -> None:
    """A promoted standby, or a restored copy, writes another history."""
    watched = watching(Crossings(meters, "reads"))
    note(watched, 0, Meter("a", 10))
    note(watched, 10, Meter("a", 100))
    note(watched, 20, Meter("a", 50))
    passed = watched.passed(meters, "reads", 40, START + 30)
    assert passed is not None
    assert (passed.seconds, passed.exact) == (10, False)


def test_a_trail_stays_small() -> None:
    """Its older half gets coarser: an answer errs by less than a hundredth of its age."""
    watched = watching(Crossings(meters, "reads"))
    for second in range(STEPS * 2):
        note(watched, second, Meter("a", second))
    assert len(watched.trails[meters, "reads"]) <= STEPS
    now = START + STEPS * 2
    for value in (100, STEPS, STEPS + 1000):
        passed = watched.passed(meters, "reads", value, now)
        assert passed is not None
        assert passed.seconds == pytest.approx(STEPS * 2 - value, rel=0.01)


def test_who_is_gone_is_remembered_for_a_while() -> None:
    """With how long it was there before; it is forgotten after the span, and not while present."""
    watched = watching(LastSeen(meters, "name", timedelta(hours=1)))
    note(watched, 0, Meter("a", 0), Meter("b", 0))
    note(watched, 100, Meter("a", 0), Meter("b", 0))
    note(watched, 200, Meter("b", 0))
    gone = watched.gone(meters, "name", START + 200, START + 250)
    assert {name: (who.seconds, who.stayed) for name, who in gone.items()} == {"a": (150, 100)}
    note(watched, 3701, Meter("b", 0))
    assert watched.gone(meters, "name", START + 3701, START + 3701) == {}


def test_two_findings_may_watch_the_same_counter() -> None:
    """Their windows share one ring: a step is what came since the last answer, not nothing."""
    recorder = watching(Window(meters, MINUTE), Window(meters, 5 * MINUTE))
    for second in range(0, 300, 10):
        note(recorder, second, Meter("a", second))
    assert recorder.step(meters)["a",].increase["reads"] == 10
    assert recorder.delta(meters, 4 * MINUTE, START + 290)["a",].increase["reads"] == 240
