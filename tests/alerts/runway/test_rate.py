"""Rates over days: waves cancel out, a bulk load is no growth, and little evidence is none."""

import math
from collections.abc import Callable

import pytest

from alerts.history.samples import DAY, HOUR, Sample
from alerts.runway.rate import Eta, Rate, daily_rate, eta

START = 1_700_006_400.0 - 1_700_006_400.0 % DAY


def hourly(days: float, value: Callable[[float], float]) -> list[Sample]:
    """One sample an hour; the function gets days since the first."""
    return [Sample(START + n * HOUR, value(n / 24)) for n in range(round(days * 24) + 1)]


def test_steady_growth_is_found_exactly() -> None:
    found = daily_rate(hourly(14, lambda day: 100 * day), ())
    assert found is not None
    assert [found.low * DAY, found.mid * DAY, found.high * DAY] == pytest.approx([100] * 3)
    assert found.span == 14 * DAY


def test_too_few_days_are_no_evidence() -> None:
    assert daily_rate(hourly(2.8, lambda day: 100 * day), ()) is None
    assert daily_rate((), ()) is None


def test_a_daily_wave_cancels_out() -> None:
    """A swing of 1,000 a day, a growth of 10."""
    wave = hourly(10, lambda day: 10 * day + 1000 * math.sin(2 * math.pi * day))
    found = daily_rate(wave, ())
    assert found is not None
    assert found.low * DAY == pytest.approx(10, rel=0.01)


def test_a_weekly_wave_cancels_out() -> None:
    """Once two weeks are known."""
    wave = hourly(15, lambda day: 10 * day + 1000 * math.sin(2 * math.pi * day / 7))
    found = daily_rate(wave, ())
    assert found is not None
    assert abs(found.mid * DAY) < 150


def test_one_bulk_load_is_no_growth() -> None:
    """A step of a million rows in the middle, and nothing else."""
    found = daily_rate(hourly(14, lambda day: 1e6 if day > 7 else 0), ())
    assert found is not None
    assert (found.low, found.high) == (0, 0)


def test_growth_by_workdays_is_told_by_its_weeks() -> None:
    """Nothing at weekends: the slowest pace of a week is the pace of all."""

    def grown(day: float) -> float:
        weeks, rest = divmod(day, 7)
        return 100 * (5 * weeks + min(rest, 5))

    found = daily_rate(hourly(15, grown), ())
    assert found is not None
    assert found.low * DAY == pytest.approx(500 / 7, rel=0.01)


def test_days_go_on_where_hours_end() -> None:
    """A quarter of a year is known from samples of days."""
    hours = [Sample(s.at + 90 * DAY, s.value + 900) for s in hourly(14, lambda day: 10 * day)]
    days = [Sample(START + n * DAY, 10.0 * n) for n in range(90)]
    found = daily_rate(hours, days)
    assert found is not None
    assert found.span == 104 * DAY
    assert found.low * DAY == pytest.approx(10)


def test_a_gap_is_bridged_by_its_mean() -> None:
    """Days without the daemon are neither standstill nor a leap."""
    path = hourly(14, lambda day: 10 * day)
    gap = [s for s in path if not START + 4 * DAY < s.at < START + 8 * DAY]
    found = daily_rate(gap, ())
    assert found is not None
    assert found.low * DAY == pytest.approx(10)


@pytest.mark.parametrize(
    ("left", "rate", "expected"),
    [
        (100.0, Rate(1, 1, 2, 100), Eta(50, 100)),
        (100.0, Rate(0, 1, 2, 100), Eta(50, None)),  # it may stand still
        (100.0, Rate(0.1, 1, 2, 100), Eta(50, None)),  # beyond five times what was seen
        (2000.0, Rate(1, 1, 2, 100), None),
        (100.0, Rate(-2, -1, 0, 100), None),
    ],
)
def test_forecasts_are_ranges_and_not_far(left: float, rate: Rate, expected: Eta | None) -> None:
    assert eta(left, rate) == expected


def test_a_forecast_holds_only_where_its_late_end_does() -> None:
    assert Eta(50, 100).within(100)
    assert not Eta(50, 101).within(100)
    assert not Eta(50, None).within(100)
