"""Climb of a level within an hour: Theil–Sen slope with its interval, and whether it is a trend.

The median of all slopes between two points is moved by neither outliers nor bursts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from alerts.history.samples import HOUR, Sample

LEAST = 50
"""Points within the hour from which on a slope is told."""
LARGEST_GAP = 300.0
"""Seconds between two points beyond which the hour is not judged."""
CERTAIN = 2.576
"""Standard deviations: 99 %."""
RECENT = 5
"""Points whose median is the level now."""


@dataclass(frozen=True, slots=True)
class Climb:
    """Slope of one hour, in units a second."""

    low: float
    mid: float
    high: float
    is_trend: bool
    """Whether it rises with certainty (Mann–Kendall), not by chance."""
    rise: float
    """From the first to the last points of the hour."""
    level: float


def last_hour(minutes: Sequence[Sample]) -> Sequence[Sample]:
    """Return the points of the last hour; empty where there are too few, or a gap."""
    if not minutes:
        return ()
    begin = minutes[-1].at - HOUR
    points = [sample for sample in minutes if sample.at >= begin]
    gaps = (new.at - old.at for old, new in pairwise(points))
    whole = len(points) >= LEAST and max(gaps) <= LARGEST_GAP
    return points if whole and points[-1].at - points[0].at >= 0.9 * HOUR else ()


def climb(points: Sequence[Sample]) -> Climb | None:
    """Return the climb of a whole hour; None of what did not even rise."""
    if len(points) < LEAST:
        return None
    values = [sample.value for sample in points]
    first, level = median(values[:RECENT]), median(values[-RECENT:])
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
    return Climb(
        low=slopes[max(0, middle - reach)],
        mid=slopes[middle],
        high=slopes[min(pairs - 1, middle + reach)],
        is_trend=(ups - 1) / spread > CERTAIN,
        rise=level - first,
        level=level,
    )
