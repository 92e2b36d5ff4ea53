"""Climb of a level within an hour: Theil–Sen slope with its interval, and whether it is a trend.

The median of all slopes between two points is moved by neither outliers nor bursts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from alerts.history.samples import HOUR, Sample

LEAST = 27
"""Points within the hour from which on a slope is told: the normal lane may be stretched to two
minutes between them, and a few may be missing."""
WHOLE = 0.9 * HOUR
"""Seconds from the first of them to the last, at least."""
LARGEST_GAP = 300.0
"""Seconds between two points beyond which the hour is not judged."""
CERTAIN = 2.576
"""Standard deviations: 99 %."""
STEPS_AT_MOST = 6
COLLAPSE = 0.6
"""Share of the level below which it has collapsed."""
LATELY = 1 / 3
"""Share of the points that must still climb."""
STILL = 0.4
"""Share of the hour's slope that they must have."""
RECENT = 300.0
"""Seconds whose median is the level now;"""
FEWEST = 3
"""and points that it is made of at least."""


@dataclass(frozen=True, slots=True)
class Climb:
    """Slope of one hour, in units a second."""

    low: float
    mid: float
    high: float
    is_trend: bool
    """Whether it rises with certainty (Mann–Kendall), not by chance."""
    rise: float
    """What the median slope makes of an hour; one step, as of a deploy, is no rise."""
    level: float
    """The median of the last points, but no more than the trend line has reached."""


def last_hour(minutes: Sequence[Sample]) -> Sequence[Sample]:
    """Return the points of the last hour; empty where there are too few, or a gap."""
    if not minutes:
        return ()
    begin = minutes[-1].at - HOUR
    points = [sample for sample in minutes if sample.at >= begin]
    gaps = (new.at - old.at for old, new in pairwise(points))
    whole = len(points) >= LEAST and max(gaps) <= LARGEST_GAP
    return points if whole and points[-1].at - points[0].at >= WHOLE else ()


def has_collapsed(points: Sequence[Sample]) -> bool:
    """Whether the level fell sharply within the hour, as by a restart: filling up is no leak."""
    values, few = [sample.value for sample in points], _few(points)
    return any(
        median(values[n : n + few]) < COLLAPSE * median(values[n - few : n])
        for n in range(few, len(values) - few + 1)
    )


def goes_on(points: Sequence[Sample], slope: float) -> bool:
    """Whether the last minutes still climb, at a good part of the slope of the hour."""
    last = points[-round(LATELY * len(points)) :]
    slopes = [
        (new.value - old.value) / (new.at - old.at)
        for n, old in enumerate(last)
        for new in last[n + 1 :]
    ]
    return median(slopes) >= STILL * slope


def without_steps(points: Sequence[Sample], least: float) -> Sequence[Sample]:
    """Return the points with each step of at least that height levelled.

    Old and new instances of a deploy side by side, or a burst that lasts, are no climb.
    """
    values, few = [sample.value for sample in points], _few(points)
    for _ in range(STEPS_AT_MOST):
        jumps = [
            median(values[n : n + few]) - median(values[n - few : n])
            for n in range(few, len(values) - few + 1)
        ]
        place = max(range(len(jumps)), key=lambda n: abs(jumps[n]))
        if abs(jumps[place]) < least:
            break
        first = place + few
        values[first:] = [value - jumps[place] for value in values[first:]]
    return [sample._replace(value=value) for sample, value in zip(points, values, strict=True)]


def _few(points: Sequence[Sample]) -> int:
    step = (points[-1].at - points[0].at) / max(1, len(points) - 1)
    return max(FEWEST, round(RECENT / step)) if step > 0 else FEWEST


def climb(points: Sequence[Sample]) -> Climb | None:
    """Return the climb of a whole hour; None of what did not even rise."""
    if len(points) < LEAST:
        return None
    values = [sample.value for sample in points]
    few = _few(points)
    first, level = median(values[:few]), median(values[-few:])
    if level <= first:
        return None
    slopes, ups = [], 0
    for i, old in enumerate(points):
        for new in points[i + 1 :]:
            change = new.value - old.value
            ups += (change > 0) - (change < 0)
            slopes.append(change / (new.at - old.at))
    slopes.sort()
    count, pairs = len(points), len(slopes)
    spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    reach = int(CERTAIN * spread / 2)
    middle = pairs // 2
    mid, end = slopes[middle], points[-1].at
    line = median(sample.value + mid * (end - sample.at) for sample in points)
    return Climb(
        low=slopes[max(0, middle - reach)],
        mid=mid,
        high=slopes[min(pairs - 1, middle + reach)],
        is_trend=(ups - 1) / spread > CERTAIN,
        rise=mid * (end - points[0].at),
        level=min(level, line),
    )
