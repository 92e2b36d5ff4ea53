"""Exhaustion within hours: a level that climbs towards its wall, and by when it gets there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from alerts.history.samples import HOUR, Sample
from alerts.runway.climb import Climb, climb, goes_on, has_collapsed, last_hour, without_steps
from alerts.runway.rate import Eta

STEP = 0.25
"""Share of an hour's rise that no steady climb makes within a few minutes."""


REFILL = 1800.0
"""Seconds before the hour within which a collapse is still being made good."""


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """A wall that is reached soon, if the climb of the last hour goes on."""

    climb: Climb
    left: float
    """Up to the wall, less what bursts usually take."""
    steady_left: float
    """Up to the wall from where the climb itself has come to, without bursts and steps."""

    @property
    def eta(self) -> Eta:
        return Eta(self.left / self.climb.high, self.left / self.climb.low)

    @property
    def seconds(self) -> float:
        """By the median slope."""
        return self.left / self.climb.mid

    @property
    def steady_seconds(self) -> float:
        """By the median slope, until the climb alone reaches the wall."""
        return self.steady_left / self.climb.mid


def exhaustion(
    minutes: Sequence[Sample], wall: float, burst: float, least_rise: float
) -> Exhaustion | None:
    """Return what the last hour shows; None unless it certainly climbs, by at least that much.

    Slow leaks end in a burst, not at the trend line, so bursts are taken off the wall.
    """
    points = last_hour(minutes)
    if not points or points[-1].value - points[0].value < least_rise / 2:
        return None
    found = climb(points)
    if not _is_certain(found, least_rise) or has_collapsed(_and_before(minutes)):
        return None
    steady = climb(without_steps(points, STEP * found.rise))
    if not _is_certain(steady, least_rise) or not goes_on(points, steady.mid):
        return None
    left = max(0.0, wall - burst - found.level)
    return Exhaustion(steady, left, max(0.0, wall - steady.level))


def _and_before(minutes: Sequence[Sample]) -> Sequence[Sample]:
    begin = minutes[-1].at - HOUR - REFILL
    return [sample for sample in minutes if sample.at >= begin]


def _is_certain(found: Climb | None, least_rise: float) -> TypeGuard[Climb]:
    return found is not None and found.is_trend and found.low > 0 and found.rise >= least_rise
