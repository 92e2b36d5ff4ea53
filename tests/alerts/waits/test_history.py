"""The last hour of waits: counted by the time between looks, with bounded memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from sys import getsizeof
from typing import Any

import pytest

from alerts.history.recorder import Recorder
from alerts.waits.doing import OTHERS
from alerts.waits.history import DOINGS, EVENTS, HOUR, STEP, WAITS, WaitsView, pieces
from alerts.waits.load import load_of
from alerts.waits.sums import Sums
from collectors._base import Answer
from collectors.activity import Session, activity
from tests.alerts.waits.looks import BUSY, at_event, running, view_of, watched
from tests.fixtures.session_rows import AT, IDLE, OURS

READ = ("IO", "DataFileRead")
CPU = ("CPU", "CPU")


def seconds_of(view: WaitsView, event: tuple[str, str]) -> float:
    return sum(spent for step in view.steps for key, spent in step.items() if key == event)


@pytest.mark.parametrize("apart", [0.25, 1.0, 4.0, 13.0], ids=str)
def test_a_look_counts_for_the_time_since_the_one_before(apart: float) -> None:
    """Bursts, the usual pace and a stretched lane give the same averages."""
    rows = [*running(3), *at_event("IO", "DataFileRead", 2)]
    view = view_of(watched(rows, [n * apart for n in range(int(120 / apart) + 1)]))
    load = load_of(view, AT + 120, timedelta(minutes=1))
    assert load.sessions(lambda event: event == CPU) == pytest.approx(3)
    assert load.sessions(lambda event: event == READ) == pytest.approx(2)


def test_a_gap_counts_nothing_and_is_seen() -> None:
    """Nobody knows what sessions did while the server was not looked at."""
    moments = [*range(31), *range(330, 361)]
    view = view_of(watched(running(4), moments))
    assert sum(step.watched for step in view.steps) == pytest.approx(60, abs=STEP)
    assert max(b.start - a.start for a, b in zip(view.steps, view.steps[1:], strict=False)) > 200
    assert seconds_of(view, CPU) == pytest.approx(4 * sum(step.watched for step in view.steps))


def test_looks_that_are_rare_on_purpose_are_no_gaps() -> None:
    """With a pace of thirty seconds all looks but the first are thirty seconds apart."""
    view = view_of(watched(running(1), range(0, 1200, 30)))
    assert sum(step.watched for step in view.steps) > 1000


def test_a_clock_that_is_set_back_counts_nothing_twice() -> None:
    """The next look goes on from there."""
    view = view_of(watched(running(1), [0, 5, 10, 4, 9, 14, 19, 24]))
    assert sum(step.watched for step in view.steps) <= 30


def test_who_is_left_out() -> None:
    """Idle sessions, waiting processes, senders of WAL, and ourselves."""
    rows = [
        IDLE,
        replace(OURS, pid=1),
        replace(BUSY, pid=2, wait_event_type="Activity", wait_event="CheckpointerMain"),
        replace(BUSY, pid=3, backend_type="walsender", wait_event_type="Client"),
        replace(BUSY, pid=4, state="disabled", wait_event_type="Client"),
    ]
    assert not any(step.keys for step in view_of(watched(rows, range(31))).steps)


def test_views_do_not_change() -> None:
    """A page that is being made reads one hour, not two halves."""
    recorder = watched(running(1), range(31))
    before = view_of(recorder)
    steps = [list(step.items()) for step in before.steps]
    for moment in range(31, 4000):
        recorder.record(activity, Answer(tuple(running(9)), AT + moment))
    assert [list(step.items()) for step in before.steps] == steps
    after = view_of(recorder)
    assert after is not before
    assert len(after.steps) <= HOUR / STEP + 1
    assert len(after.minutes) <= 62


def test_a_restart_begins_anew() -> None:
    """Another server answers: its hour is not this one's."""
    recorder = watched(running(1), range(61))
    recorder.restart()
    assert view_of(recorder) == WaitsView()


def test_names_without_end_take_bounded_memory() -> None:
    """Each session with an application name and a statement of its own, for hours."""
    chance = Random(5)

    def stranger(n: int) -> Session:
        return replace(
            BUSY,
            pid=n,
            application_name=f"job {chance.random()}",
            query_id=chance.getrandbits(62),
            query=f"select {n} from t{chance.random()}".replace("0.", "_"),
            wait_event_type="Extension",
            wait_event=f"e{chance.randrange(400)}",
        )

    recorder = Recorder((WAITS,))
    for moment in range(0, 7200, 12):
        rows = tuple(stranger(n) for n in range(100))
        recorder.record(activity, Answer(rows, AT + moment))
    view = view_of(recorder)
    assert all(len(step.keys) <= EVENTS + 1 for step in view.steps)
    assert all(len(minute.keys) <= DOINGS + 1 for minute in view.minutes)
    assert sum(sum(step.seconds) for step in view.steps) == pytest.approx(100 * HOUR, rel=0.01)
    assert seconds_of(view, OTHERS) > 0
    assert all(len(total) <= 400 for total in (view.totals.clients, view.totals.statements))
    assert size_of(view) < 1 << 20


def size_of(view: WaitsView) -> int:
    """Bytes of all that differs between two keys, each counted once."""
    found: dict[int, int] = {}

    def count(one: object) -> None:
        if id(one) not in found:
            found[id(one)] = getsizeof(one)
            if isinstance(one, tuple):
                for part in one:
                    count(part)

    sums: tuple[Sums[Any], ...] = (*view.steps, *view.minutes)
    for one in sums:
        count(one.keys)
        count(one.seconds)
    totals = view.totals
    known: tuple[Mapping[Any, Any], ...] = (totals.events, totals.clients, totals.statements)
    for table in (*known, view.texts):
        count(table)
        for key, value in table.items():
            count(key)
            count(value)
    return sum(found.values())


def test_texts_have_no_values() -> None:
    """What a statement looks for is no one's business."""
    rows = running(2, query="select * from cards where number = '4111111111111111'")
    view = view_of(watched(rows, range(130)))
    assert view.texts == {7: "select * from cards where number = ?"}


def test_a_span_is_cut_at_the_bounds_of_steps() -> None:
    assert list(pieces(8.0, 31.0, 10.0)) == [(8.0, 2.0), (10.0, 10.0), (20.0, 10.0), (30.0, 1.0)]
