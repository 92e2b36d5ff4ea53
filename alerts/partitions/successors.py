"""Partitions that a table lacks, with names and ranges like those that it has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from alerts.partitions.bound import Point, Range, before
from alerts.partitions.naming import next_name
from alerts.partitions.wall import PartitionWall

MOST = 4
"""Partitions that are told; where more are missing, these are a first help."""


@dataclass(frozen=True, slots=True)
class Successor:
    """A partition to create."""

    name: str
    range: Range


def successors(wall: PartitionWall, now: datetime) -> Sequence[Successor]:
    """Return what covers the present and one more; empty if names or steps have no pattern."""
    zone = wall.step.zone if wall.step else UTC
    siblings = [(one.partition.relname, one.range) for one in wall.ranges]
    taken, found = {one.relname for one in wall.table.partitions}, list[Successor]()
    for bounds in _missing(wall, now):
        name = next_name(siblings, bounds, taken, zone)
        if name is None:
            return ()
        found.append(Successor(name, bounds))
        taken.add(name)
    return found


def _missing(wall: PartitionWall, now: datetime) -> Iterator[Range]:
    lower, step, following = wall.end, wall.step, wall.around.following
    goal: Point = wall.end if wall.is_estimated else now
    for _ in range(MOST if step else 0):
        assert step is not None
        try:
            upper = step.after(lower)
        except (OverflowError, ValueError):  # beyond the year 9999
            return
        if following is not None and before(following, upper):
            upper = following
        yield Range(lower, upper)
        if upper == following or not before(lower, goal):
            return
        lower = upper
