"""Looks: rates of counters before and after a time, over a day, in little memory."""

from alerts.history.samples import DAY, HOUR, MINUTE
from alerts.plans.looks import KEPT, RECENT, Looks


def looked(count: int, step: float = MINUTE, per_second: float = 2.0) -> Looks:
    """Looks at one counter, and at a number that may fall."""
    looks = Looks.begun("epoch", (0.0, 0.0, 9.0), 1)
    for n in range(1, count):
        looks = looks.after("epoch", (n * step, n * step * per_second, 9.0 - n))
    return looks


def test_rates_are_of_ten_minutes_before_and_after() -> None:
    looks = looked(30)
    for n in range(30, 60):
        looks = looks.after("epoch", (n * MINUTE, 29 * MINUTE * 2.0 + (n - 29) * MINUTE * 5.0, 0.0))
    before, after = looks.before(29 * MINUTE), looks.since(30 * MINUTE)
    assert before is not None
    assert after is not None
    assert before.rates[0] == 2.0
    assert after.rates[0] == 5.0
    assert 10 * MINUTE <= after.new[0] - after.old[0] <= 12 * MINUTE


def test_a_counter_that_fell_begins_anew_and_another_number_does_not() -> None:
    looks = looked(5)
    assert len(list(looks.after("epoch", (5 * MINUTE, 1.0, 0.0)))) == 1
    assert len(list(looks.after("other", (5 * MINUTE, 9999.0, 0.0)))) == 1
    assert len(list(looks.after("epoch", (5 * MINUTE, 9999.0, -50.0)))) > 1


def test_what_is_old_is_kept_twice_an_hour_and_after_a_day_no_more() -> None:
    looks = list(looked(3 * DAY // MINUTE))
    newest = looks[-1][0]
    assert newest == 3 * DAY - MINUTE
    recent = [look for look in looks if newest - look[0] <= RECENT]
    assert 14 <= len(recent) <= 31
    assert len(looks) - len(recent) <= 2 * KEPT / HOUR + 4
    assert newest - looks[0][0] <= KEPT + 3 * MINUTE


def test_around_gives_the_nearest_looks() -> None:
    looks = looked(12, step=2 * MINUTE)
    span = looks.around(7 * MINUTE, 13 * MINUTE)
    assert span is not None
    assert (span.old[0], span.new[0]) == (6 * MINUTE, 14 * MINUTE)
    assert looks.around(7 * MINUTE, 90 * MINUTE) is None
    assert looks.around(-1.0, 5.0) is None


def test_without_two_looks_on_a_side_nothing_is_known() -> None:
    looks = looked(4)
    assert looks.before(0.0) is None
    assert looks.since(3 * MINUTE) is None
