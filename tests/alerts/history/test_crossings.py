"""When a growing number passed a value, read from a trail that stays small."""

import pytest

from alerts.history.crossings import STEPS, Crossings
from tests.fixtures.meters import Meter, known, meters, note, watching

READS = Crossings(meters, "reads")


def test_a_value_was_passed_when_it_was_first_above() -> None:
    """Exact only where memory reaches back to before."""
    watched = watching(READS)
    for second, value in ((0, 10), (10, 20), (20, 20), (30, 30)):
        note(watched, second, Meter("a", value))
    found = [known(watched, READS, 40).passed(value) for value in (5, 15, 20, 30)]
    assert [(p.seconds, p.exact) if p else None for p in found] == [
        (40, False),
        (30, True),
        (10, True),
        None,
    ]


def test_a_trail_that_falls_begins_anew() -> None:
    """A promoted standby, or a restored copy, writes another history."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 10))
    note(watched, 10, Meter("a", 100))
    note(watched, 20, Meter("a", 50))
    passed = known(watched, READS, 30).passed(40)
    assert passed is not None
    assert (passed.seconds, passed.exact) == (10, False)


def test_a_trail_stays_small() -> None:
    """Its older half gets coarser: an answer errs by less than a hundredth of its age."""
    watched = watching(READS)
    for second in range(STEPS * 2):
        note(watched, second, Meter("a", second))
    trail = known(watched, READS, STEPS * 2)
    assert trail.length <= STEPS
    for value in (100, STEPS, STEPS + 1000):
        passed = trail.passed(value)
        assert passed is not None
        assert passed.seconds == pytest.approx(STEPS * 2 - value, rel=0.01)


def test_a_view_stays_as_it_was() -> None:
    """Steps that come later, a fall and a restart change nothing in it."""
    watched = watching(READS)
    assert known(watched, READS, 0).passed(0) is None
    note(watched, 0, Meter("a", 10))
    note(watched, 10, Meter("a", 20))
    before = known(watched, READS, 10)
    note(watched, 20, Meter("a", 30))
    assert before.passed(25) is None
    note(watched, 30, Meter("a", 1))
    watched.restart()
    assert before.passed(15) is not None
