"""How long a counter has not moved: true over resets and restarts."""

import json

import pytest

from alerts.history.memory import Memory, Namespace
from alerts.history.recorder import Recorder
from alerts.history.unchanged import Unchanged
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Absence, Answer, Collector, Lane
from tests.fixtures.meters import START, Meter, known, meters, note, watching

READS = Unchanged(meters, "reads")


def still(recorder: Recorder, seconds: float) -> tuple[float, bool]:
    quiet = known(recorder, READS, seconds)["a",]
    return quiet.seconds, quiet.moved


def test_a_counter_is_quiet_since_it_last_moved() -> None:
    """Before it ever moved, it is known only for as long as it was watched."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 5))
    note(watched, 100, Meter("a", 5))
    assert still(watched, 100) == (100, False)
    note(watched, 200, Meter("a", 6))
    note(watched, 300, Meter("a", 6))
    assert still(watched, 300) == (100, True)


def test_nothing_is_known_of_the_time_since_the_newest_answer() -> None:
    """What is used again and again is not quiet because nobody has looked for a while."""
    watched = watching(READS)
    for second in (0, 100, 200):
        note(watched, second, Meter("a", second))
    newest = {meters: Answer((Meter("a", 200),), START + 200)}
    views = watched.views(START + 290)
    later = Snapshot(ServerIdentity("db1"), START + 290, newest, histories=views)
    assert later.of(READS)["a",].seconds == 0


def test_one_row_of_the_whole_server_is_quiet_too() -> None:
    """It has no key, and needs none."""
    whole = Collector(row=Meter, lane=Lane.normal, counters=("reads",))
    kind = Unchanged(whole, "reads")
    watched = watching(kind)
    for second in (0, 60):
        watched.record(whole, Answer((Meter("", 5),), START + second))
    assert known(watched, kind, 60)[()].seconds == 60


@pytest.mark.parametrize(("after", "expected"), [(5, (1000, False)), (6, (0, True))])
def test_it_goes_on_over_a_restart(after: int, expected: tuple[float, bool]) -> None:
    """The value itself is stored, not only the time, so a change during the restart is seen."""
    memory = Memory()
    note(watching(READS, memory=memory), 0, Meter("a", 5))
    again = Memory()
    again.restore(
        (place, key, json.loads(json.dumps(v))) for place, key, v in memory.take_changes()
    )
    watched = watching(READS, memory=again)
    note(watched, 1000, Meter("a", after))
    assert still(watched, 1000) == expected


def test_what_is_no_standstill_in_memory_begins_anew() -> None:
    """A state file that was edited, or written by something else."""
    memory = Memory()
    memory.put(Namespace("7001", "db1", f"{meters.name}.reads"), '["a"]', [5, "yesterday"])
    watched = watching(READS, memory=memory)
    assert ("a",) not in known(watched, READS, 0)
    note(watched, 100, Meter("a", 5))
    assert still(watched, 100) == (0, False)


@pytest.mark.parametrize("after", [Meter("a", 3), Meter("a", 5, reset="today")])
def test_a_reset_makes_quiet_begin_anew(after: Meter) -> None:
    """After it nobody knows whether the counter moved before."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 5))
    note(watched, 100, after)
    assert still(watched, 100) == (0, False)


def test_quiet_forgets_who_is_gone_unless_a_database_was_not_asked() -> None:
    """A database that could not be asked has not lost its indexes."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 5))
    watched.record(meters, Answer((), START + 50, {"shop": Absence("a timeout")}))
    assert known(watched, READS, 50)["a",].moved is False
    note(watched, 100)
    assert dict(known(watched, READS, 100)) == {}


def test_a_view_stays_as_it_was() -> None:
    """Whatever is learned afterwards: a judge may still be reading it."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 5), Meter("b", 5))
    before = known(watched, READS, 0)
    was = dict(before)
    note(watched, 100, Meter("a", 6), Meter("c", 1))
    assert dict(before) == was
    assert known(watched, READS, 100).keys() == {("a",), ("c",)}


def test_the_same_values_are_not_written_again() -> None:
    """However often they are looked at."""
    memory = Memory()
    watched = watching(READS, memory=memory)
    note(watched, 0, Meter("a", 5))
    memory.take_changes()
    note(watched, 100, Meter("a", 5))
    assert memory.take_changes() == []


def test_a_key_that_we_have_not_written_is_passed_over() -> None:
    """A state file may hold anything; what we wrote ourselves is still there."""
    memory = Memory()
    watched = watching(READS, memory=memory)
    note(watched, 0, Meter("a", 5))
    room = Namespace("7001", "db1", "").of("meters.reads")
    memory.update(room, {"{": [1], '"text"': [1], "7": None})
    view = known(watching(READS, memory=memory), READS, 0)
    assert list(view) == [("a",)]
    assert len(view) == 1
