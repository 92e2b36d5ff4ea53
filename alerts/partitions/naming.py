"""Names of the next partitions, by the pattern of their siblings.

The digits in a name are parts of the partition's bounds: `events_2026_11` begins in November 2026.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import islice, product

from alerts.partitions.bound import Range

LONGEST = 63
"""Bytes of an identifier."""
TIME_FORMATS = (
    "%Y", "%m", "%d", "%Y%m%d", "%Y%m", "%y%m", "%y%m%d", "%H", "%H%M", "%Y%m%d%H",
    "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%m%d", "%G", "%V", "%G%V", "%j", "%Y%j", "%y",
)  # fmt: skip
RUN = re.compile(r"([0-9]+)")
QUARTER = "quarter"
A_MONTH = timedelta(days=32)
NUMBER_FORMATS = ("lower", "last", "upper", "index", "ordinal")
MOST = 2_000
"""Combinations of formats that are tried."""


def next_name(
    siblings: Sequence[tuple[str, Range]], wanted: Range, taken: Collection[str], zone: tzinfo
) -> str | None:
    """Return a name for a range like those of its siblings; None if they follow no pattern."""
    known = [(name, r) for name, r in siblings if r.lower is not None and r.upper is not None][-6:]
    if len(known) < 2:
        return None
    for pattern in _patterns(known[-1], zone):
        if all(_filled(pattern, r, zone) == name for name, r in known):
            made = _filled(pattern, wanted, zone)
            free = made not in taken and len(made.encode()) <= LONGEST
            return made if free else None
    return None


def _patterns(newest: tuple[str, Range], zone: tzinfo) -> Iterator[tuple[str, ...]]:
    """Yield each way to read the digits of a name: texts and formats in turn.

    Digits that stay as they are come last: a year is one that has not changed yet.
    """
    name, bounds = newest
    parts = RUN.split(name)
    choices = [
        [part] if number % 2 == 0 else [*_formats(part, bounds, zone), part]
        for number, part in enumerate(parts)
    ]
    for chosen in islice(product(*choices), MOST):
        forms = {part.partition("|")[0] for part in chosen}
        if chosen != tuple(parts) and not {"%V", "%Y"} <= forms:  # a week has the year %G
            yield chosen


def _formats(digits: str, bounds: Range, zone: tzinfo) -> list[str]:
    widths = dict.fromkeys((len(digits), 1))
    if isinstance(bounds.lower, int):
        every = [f"{one}|{width}" for width in widths for one in NUMBER_FORMATS]
    else:
        assert isinstance(bounds.lower, datetime)
        assert isinstance(bounds.upper, datetime)
        has_quarters = bounds.upper - bounds.lower > A_MONTH
        every = [f"{one}|" for one in (*TIME_FORMATS, *([QUARTER] if has_quarters else []))]
    return [one for one in every if _part(one, bounds, zone) == digits]


def _filled(pattern: tuple[str, ...], bounds: Range, zone: tzinfo) -> str:
    return "".join(_part(part, bounds, zone) if "|" in part else part for part in pattern)


def _part(form: str, bounds: Range, zone: tzinfo) -> str:
    """Write one part of the bounds; the width of a number stands behind the format."""
    name, _, width = form.partition("|")
    lower, upper = bounds.lower, bounds.upper
    if isinstance(lower, datetime):
        local = lower.astimezone(zone)
        return str((local.month + 2) // 3) if name == QUARTER else local.strftime(name)
    assert isinstance(lower, int)
    assert isinstance(upper, int)
    wide = max(1, upper - lower)
    numbers = {
        "lower": lower,
        "last": upper - 1,
        "upper": upper,
        "index": lower // wide,
        "ordinal": lower // wide + 1,
    }
    return f"{numbers[name]:0{width}d}"
