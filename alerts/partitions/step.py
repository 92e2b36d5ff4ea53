"""Steps of range partitions: how wide the newest are, and which range comes next.

Steps are whole months (a month, a quarter, a year), or a fixed length. Bounds of `timestamptz` that
lie on midnights of a time zone are counted in that zone, where days have 23 to 25 hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from alerts.partitions.bound import Point, Range

NEWEST = 6
"""Ranges that tell the step: older ones may follow an older plan."""


@dataclass(frozen=True, slots=True)
class Step:
    """The width of ranges: months, a length of time, or a number."""

    months: int = 0
    length: timedelta = timedelta(0)
    number: int = 0
    zone: tzinfo = UTC

    def after(self, point: Point) -> Point:
        """Return the end of the range that begins there. Raises OverflowError, ValueError."""
        if isinstance(point, int):
            return point + self.number
        local = point.astimezone(self.zone).replace(tzinfo=None)
        moved = _months_later(local, self.months) if self.months else local + self.length
        return moved.replace(tzinfo=self.zone).astimezone(UTC)

    @property
    def duration(self) -> timedelta:
        """About how long it is; a month has 30 days."""
        return timedelta(days=30 * self.months) + self.length


def step_of(ranges: Sequence[Range], zones: Sequence[str] = ()) -> Step | None:
    """Return the step of the newest ranges, which are sorted; None if they have no common one."""
    newest = [known for known in ranges if None not in (known.lower, known.upper)][-NEWEST:]
    if not newest:
        return None
    numbers = {(r.lower, r.upper) for r in newest if isinstance(r.lower, int)}
    if numbers:
        widths = {upper - lower for lower, upper in numbers}  # type: ignore[operator]
        return Step(number=int(widths.pop())) if len(widths) == 1 else None
    known = (_step_in(newest, zone) for zone in (UTC, *_existing(zones)))
    return next((step for step in known if step), None)


def _step_in(ranges: Sequence[Range], zone: tzinfo) -> Step | None:
    pairs = [(_local(known.lower, zone), _local(known.upper, zone)) for known in ranges]
    months = {_months(lower, upper) for lower, upper in pairs}
    if len(months) == 1 and (width := months.pop()):
        return Step(months=width, zone=zone)
    lengths = {upper - lower for lower, upper in pairs}
    if len(lengths) != 1:
        return None
    length = lengths.pop()
    on_midnights = all(lower.time() == datetime.min.time() for lower, _ in pairs)
    if length % timedelta(days=1) or on_midnights:
        return Step(length=length, zone=zone)
    return None


def _local(point: Point | None, zone: tzinfo) -> datetime:
    assert isinstance(point, datetime)
    return point.astimezone(zone).replace(tzinfo=None)


def _months(lower: datetime, upper: datetime) -> int:
    """Return the number of whole months between two first days; 0 if they are none."""
    if any(end.day != 1 or end.time() != datetime.min.time() for end in (lower, upper)):
        return 0
    return 12 * (upper.year - lower.year) + upper.month - lower.month


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(12 * moment.year + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1)


def _existing(names: Sequence[str]) -> list[tzinfo]:
    found: list[tzinfo] = []
    for name in names:
        try:
            found.append(ZoneInfo(name))
        except (KeyError, OSError, ValueError):  # none of that name here, or no name of one
            continue
    return found
