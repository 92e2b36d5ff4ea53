"""Rate of slow growth over days, as a range; free of daily waves, and not fooled by one step.

Growth is compared at the same hour of successive days, so a daily wave cancels out; over seven such
days a weekly one does too. A single bulk load counts as at most three usual days.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from statistics import fmean, median

from alerts.history.samples import DAY, HOUR, Sample

LEAST = 3
"""Daily increments from which on there is a rate."""
USUAL = 3.0
"""How many usual days a single day may count as."""
WEEK = 7
MONTH = 28
NEAR = 2.5 * HOUR
"""How far from the same hour of another day a sample may be."""
BEYOND = 5
"""How many times the observed span a forecast may look ahead."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Growth in units a second: its least, present and highest pace over the observed span."""

    low: float
    mid: float
    high: float
    span: float
    """Seconds that were observed."""
    last_day: float = 0.0
    """The pace of the last day alone, however unusual."""
    highest_before: float = 0.0
    """The highest pace of any day before that."""


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds until a wall is reached: at the highest and at the least observed pace."""

    early: float
    late: float | None
    """None: later than what was observed allows to say."""

    def within(self, seconds: float) -> bool:
        """Whether even the slowest pace reaches the wall by then."""
        return self.late is not None and self.late <= seconds


def eta(left: float, rate: Rate) -> Eta | None:
    """Return when what is left is used up; None if that is not in sight."""
    furthest = BEYOND * rate.span
    if rate.high <= 0 or left / rate.high > furthest:
        return None
    late = left / rate.low if rate.low > 0 else None
    return Eta(left / rate.high, late if late is not None and late <= furthest else None)


def daily_rate(hours: Sequence[Sample], days: Sequence[Sample]) -> Rate | None:
    """Return the rate that samples of hours and, before these, of days show; None if too few."""
    path = [*_same_hour(hours), *_before(days, hours)]
    increments = [(new.value - old.value) / (new.at - old.at) for new, old in pairwise(path)]
    if len(increments) < LEAST:
        return None
    most = USUAL * median(map(abs, increments))
    clipped = [max(-most, min(most, one)) for one in increments[:MONTH]]
    width = WEEK if len(clipped) > WEEK else len(clipped) - 1
    weeks = [fmean(clipped[i : i + width]) for i in range(len(clipped) - width + 1)]
    high = max(clipped[0], *weeks)
    span = path[0].at - path[-1].at
    return Rate(min(weeks), weeks[0], high, span, increments[0], max(increments[1:]))


def _same_hour(hours: Sequence[Sample]) -> list[Sample]:
    """Return the newest sample, and those of the days before at the same hour, newest first."""
    if not hours:
        return []
    path, newest = [hours[-1]], hours[-1].at
    for back in range(1, int((newest - hours[0].at + NEAR) // DAY) + 1):
        near = _near(hours, newest - back * DAY)
        if near is not None:
            path.append(near)
    return path


def _near(samples: Sequence[Sample], at: float) -> Sample | None:
    place = bisect_left(samples, at, key=attrgetter("at"))
    around = samples[max(0, place - 1) : place + 1]
    best = min(around, key=lambda sample: abs(sample.at - at), default=None)
    return best if best is not None and abs(best.at - at) <= NEAR else None


def _before(days: Sequence[Sample], hours: Sequence[Sample]) -> list[Sample]:
    """Return the samples of days that ended before the oldest of hours, newest first."""
    first = hours[0].at if hours else float("inf")
    return [day for day in reversed(days) if day.at < first - DAY / 2]
