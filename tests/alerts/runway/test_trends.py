"""Trends: minutes become hours and days, a restart forgets nothing, a reset begins anew."""

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.history.memory import Memory, Namespace
from alerts.history.samples import AT_MOST, DAY, HOUR, MINUTE, Series
from alerts.runway.trends import Point, Trend, Trends, TrendsRecorder
from collectors._base import Answer
from collectors.transaction_ids import TransactionIds, transaction_ids
from monitor.state_file import StateFile

START = 1_700_006_400.0 - 1_700_006_400.0 % DAY
PLACE = Namespace("7301", "shop", "")
IDS = Trends(
    transaction_ids,
    "ids",
    lambda answer: (Point("", row.next_xid, "a") for row in answer.rows),
    only_grows=True,
)


def fed(recorder: TrendsRecorder, first: float, last: float, pace: float, each: int) -> Trend:
    """One answer every `pace` seconds since START, with IDs that grow at a steady rate."""
    at = first
    while at <= last:
        row = TransactionIds(int(at) // each, 0)
        recorder.learn(transaction_ids, Answer((row,), START + at))
        at += pace
    return recorder.view(START + last)[""]


def test_without_a_file_it_is_remembered_for_two_hours() -> None:
    """So there is no rate, however long it runs; what fell is seen all the same."""
    recorder = IDS.recorder(Memory(), PLACE)
    found = fed(recorder, 0, 4 * DAY, 300, 10)
    assert found.rate is None
    assert not found.has_file
    assert found.minutes[0].at >= found.newest.at - 2 * HOUR - 600
    assert len(found.minutes) >= 20


WAVES = replace(IDS, room="waves", only_grows=False, has_waves=True)


async def test_the_usual_height_is_that_of_the_days_before(tmp_path: Path) -> None:
    """Also after a restart; the last hours are what is judged by it, and unknown is no height."""
    path = tmp_path / "state.db"
    memory, file = Memory(), StateFile(path)
    file.load(memory)
    recorder = WAVES.recorder(memory, PLACE)
    assert fed(recorder, 0, 20 * HOUR, 600, 3600).usual_high is None
    grown = fed(recorder, 20 * HOUR + 600, 30 * HOUR, 600, 3600).usual_high
    assert grown == pytest.approx(26, abs=1)
    await file.close(memory)
    memory = Memory()
    StateFile(path).load(memory)
    again = fed(WAVES.recorder(memory, PLACE), 30 * HOUR + 600, 31 * HOUR, 600, 3600)
    assert again.usual_high == pytest.approx(27, abs=1)


async def test_days_are_remembered_over_restarts(tmp_path: Path) -> None:
    """Four days with a new process each day: a rate, and at last samples of each step."""
    path = tmp_path / "state.db"
    found = None
    for day in range(5):
        memory, file = Memory(), StateFile(path)
        file.load(memory)
        recorder = IDS.recorder(memory, PLACE)
        found = fed(recorder, day * DAY + 600, (day + 1) * DAY, 600, 10)
        await file.close(memory)
        assert file.error is None
    assert found is not None
    assert found.rate is not None
    assert found.rate.low == pytest.approx(0.1, rel=0.01)
    assert found.rate.high == pytest.approx(0.1, rel=0.01)
    memory = Memory()
    StateFile(path).read(memory)
    series = Series(PLACE.of("runway.ids"), "", "a")
    now = START + 5 * DAY
    assert len(memory.samples.read(series, DAY, 0)) == 5
    assert len(memory.samples.read(series, HOUR, 0)) in (119, 120)
    assert all(s.at >= now - 3 * HOUR for s in memory.samples.read(series, MINUTE, 0))


def test_a_fall_of_what_only_grows_begins_anew() -> None:
    """A database that was restored, a sequence that was set back."""
    recorder = IDS.recorder(Memory(), PLACE)
    fed(recorder, 0, HOUR, MINUTE, 1)
    recorder.learn(transaction_ids, Answer((TransactionIds(5, 0),), START + HOUR + 60))
    found = recorder.view(0)[""]
    assert found.first == START + HOUR + 60
    assert found.minutes == ()


def test_another_epoch_begins_anew_also_after_a_restart() -> None:
    """What was kept of the earlier one is not read."""
    memory = Memory()
    fed(IDS.recorder(memory, PLACE), 0, HOUR, MINUTE, 1)
    other = Trends(
        transaction_ids,
        "ids",
        lambda answer: (Point("", row.next_xid, "b") for row in answer.rows),
        only_grows=True,
    )
    later = fed(other.recorder(memory, PLACE), HOUR, HOUR, MINUTE, 1)
    assert later.first == START + HOUR
    same = fed(other.recorder(memory, PLACE), HOUR + 600, HOUR + 600, MINUTE, 1)
    assert same.newest.at == START + HOUR + 600


def test_a_server_has_at_most_three_hundred_series() -> None:
    """The rest is told as not kept; another server has its own."""
    samples = Memory().samples
    place = PLACE.of("runway.ids")
    kept = [samples.add(Series(place, str(n), ""), MINUTE, 1.0, n) for n in range(AT_MOST + 5)]
    assert sum(kept) == AT_MOST
    assert samples.add(Series(place._replace(server="other"), "0", ""), MINUTE, 1.0, 1)
    assert samples.add(Series(place, "late", ""), MINUTE, 2.0 * DAY, 1)


def test_a_fall_within_two_hours_is_seen() -> None:
    recorder = Trends(
        transaction_ids, "age", lambda answer: (Point("", row.next_xid) for row in answer.rows)
    ).recorder(Memory(), PLACE)
    for minute, value in enumerate((100, 110, 120, 60, 61)):
        row = TransactionIds(value, 0)
        recorder.learn(transaction_ids, Answer((row,), START + minute * 60.0))
        assert recorder.view(0)[""].has_fallen is (minute >= 3)


def test_what_is_not_kept_leaves_nothing_in_the_memory() -> None:
    """Names that come and go would take the place of others."""
    memory = Memory()
    memory.samples.read_file = lambda *_: ()
    passing = replace(IDS, is_kept=False, only_grows=False).recorder(memory, PLACE)
    assert fed(passing, 0, HOUR, MINUTE, 1).minutes
    assert memory.samples.take_new() == []
    assert memory.everything() == []
