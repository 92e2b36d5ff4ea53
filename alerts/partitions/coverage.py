"""Coverage of partitions: how far they reach from a point without a gap."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.partitions.bound import Point, before
from alerts.partitions.tree import Ranged


@dataclass(frozen=True, slots=True)
class Coverage:
    """Partitions around a point, and the first value that has no place."""

    current: Ranged | None
    """The partition that holds the point."""
    previous: Ranged | None
    """The last one that ends before the point, or before the current one begins."""
    end: Point | None
    """Where the partitions end, at the point or after it; None: never."""
    following: Point | None
    """Where the next partition begins after a gap; None: there is none."""


def coverage(ranges: Sequence[Ranged], point: Point) -> Coverage | None:
    """Return what surrounds a point; None if all partitions begin later. Ranges are in order."""
    started = [n for n, one in enumerate(ranges) if not before(point, one.range.lower)]
    if not started:
        return None
    at = started[-1]
    one = ranges[at]
    if not one.range.holds(point):
        return Coverage(None, one, one.range.upper, _lower(ranges, at + 1))
    previous = ranges[at - 1] if at else None
    while at + 1 < len(ranges) and ranges[at].range.upper == ranges[at + 1].range.lower:
        at += 1
    return Coverage(one, previous, ranges[at].range.upper, _lower(ranges, at + 1))


def _lower(ranges: Sequence[Ranged], at: int) -> Point | None:
    return ranges[at].range.lower if at < len(ranges) else None
