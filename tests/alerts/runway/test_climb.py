"""Climb within an hour: a leak is found among bursts, and noise is none."""

from random import Random

import pytest

from alerts.history.samples import MINUTE, Sample
from alerts.runway.climb import climb, goes_on, has_collapsed, last_hour, without_steps


def minutes(count: int, slope: float, seed: int = 1, noise: float = 0.0) -> list[Sample]:
    random = Random(seed)
    return [Sample(n * MINUTE, 50 + slope * n + random.gauss(0, noise)) for n in range(count)]


def test_a_leak_is_found_among_bursts() -> None:
    """One more a minute, every tenth minute 60 more for a moment."""
    path = [
        s._replace(value=s.value + 60 * (n % 10 == 0))
        for n, s in enumerate(minutes(61, 1.0, noise=3))
    ]
    found = climb(path)
    assert found is not None
    assert found.is_trend
    assert found.low * MINUTE < 1 < found.high * MINUTE
    assert found.mid * MINUTE == pytest.approx(1, rel=0.15)


def test_noise_is_no_trend() -> None:
    """In 300 hours at most a handful, of which none would pass the other conditions."""
    found = [climb(minutes(61, 0.0, seed, noise=10)) for seed in range(300)]
    assert sum(1 for one in found if one and one.is_trend and one.low > 0) <= 6


def test_a_fall_is_none() -> None:
    assert climb(minutes(61, -1.0)) is None


def test_an_hour_with_a_gap_is_not_judged() -> None:
    path = minutes(121, 1.0)
    assert len(last_hour(path)) == 61
    assert last_hour([s for s in path if not 80 <= s.at / MINUTE <= 86]) == ()
    assert last_hour(path[:40]) == ()


def test_a_stretched_lane_is_enough() -> None:
    """With two minutes between points a leak is found, and a step or a burst is none."""
    leak = minutes(121, 1.0, noise=3)[::2]
    points = last_hour(leak)
    assert len(points) == 31
    assert not has_collapsed(points)
    found = climb(without_steps(points, 0.25 * 60))
    assert found is not None
    assert found.is_trend
    assert found.mid * MINUTE == pytest.approx(1, rel=0.15)
    assert goes_on(points, found.mid)
    step = [s._replace(value=s.value + 50 * (n >= 100)) for n, s in enumerate(minutes(121, 0.0))]
    assert climb(without_steps(last_hour(step[::2]), 12.5)) is None
    assert last_hour(leak[::2]) == ()


def test_a_step_is_no_climb() -> None:
    """A deploy doubles the sessions for the last third of the hour; a leak goes on beside it."""
    step = [s._replace(value=s.value + 50 * (n >= 40)) for n, s in enumerate(minutes(61, 0.0))]
    found = climb(step)
    assert found is not None
    assert climb(without_steps(step, 0.25 * found.rise)) is None
    both = [s._replace(value=s.value + 50 * (n >= 40)) for n, s in enumerate(minutes(61, 1.0))]
    levelled = climb(without_steps(both, 25))
    assert levelled is not None
    assert levelled.mid * MINUTE == pytest.approx(1, rel=0.2)


def test_filling_up_after_a_restart_is_no_leak() -> None:
    """Sessions come back within half an hour; then the number stands."""
    path = [
        Sample(n * MINUTE, 100.0 if n < 20 else min(100.0, 5.0 + 5 * (n - 20))) for n in range(61)
    ]
    assert has_collapsed(path)
    assert not has_collapsed(minutes(61, 1.0, noise=5))


def test_a_climb_that_has_ended_does_not_go_on() -> None:
    ended = [Sample(n * MINUTE, min(80.0, 20.0 + 2 * n)) for n in range(61)]
    found = climb(ended)
    assert found is not None
    assert not goes_on(ended, found.mid)
    assert goes_on(minutes(61, 1.0, noise=1), 1.0 / MINUTE)
