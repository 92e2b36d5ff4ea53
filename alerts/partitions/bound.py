"""Bounds of range partitions, read from what pg_get_expr shows of them.

Times are datetimes: of `timestamptz` and of the server's clock in UTC, as our sessions ask for.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeAlias

Point: TypeAlias = datetime | int

TIMES = ("date", "timestamp without time zone", "timestamp with time zone")
ZONED = "timestamp with time zone"
NUMBERS = ("smallint", "integer", "bigint")
RANGE = re.compile(r"FOR VALUES FROM \((.*)\) TO \((.*)\)", re.DOTALL)
ITEM = re.compile(r"\s*(?:'((?:[^']|'')*)'|([^',()]+))\s*(?:,|\Z)")
OPEN = ("MINVALUE", "MAXVALUE")


@dataclass(frozen=True, slots=True)
class Range:
    """From `lower`, included, to `upper`, not included; None is without an end."""

    lower: Point | None
    upper: Point | None

    def holds(self, point: Point) -> bool:
        return not before(point, self.lower) and (self.upper is None or before(point, self.upper))


def before(one: Point, other: Point | None) -> bool:
    """Compare two points of one type; nothing is before None, which is no beginning."""
    if other is None:
        return False
    if isinstance(one, int) and isinstance(other, int):
        return one < other
    assert isinstance(one, datetime)
    assert isinstance(other, datetime)
    return one < other


def is_known(key_type: str | None) -> bool:
    """Whether bounds of that type can be read."""
    return key_type in TIMES or key_type in NUMBERS


def range_of(bound: str | None, key_type: str, columns: int = 1) -> Range | None:
    """Read the bounds of the first column of a key; None for all that is no such range.

    Where the key has more columns, each of them must begin at its least value: `('2026-01-01',
    MINVALUE)` splits by the first column alone.
    """
    found = RANGE.fullmatch(bound or "")
    if found is None:
        return None
    ends = [_items(text) for text in found.groups()]
    if not all(len(items) == columns and _is_of_first(items) for items in ends):
        return None
    try:
        lower, upper = (_point(items[0], key_type) for items in ends)
    except ValueError:  # infinity, a year before Christ, or after 9999
        return None
    return Range(lower, upper)


def moment(at: float) -> datetime:
    """Return unix seconds as a point."""
    return datetime.fromtimestamp(at, UTC)


def written(point: Point, key_type: str) -> str:
    """Write a point as a literal of the key's type, with its zone if it has one."""
    if isinstance(point, int):
        return str(point)
    if key_type == "date":
        return point.date().isoformat()
    text = point.replace(tzinfo=None).isoformat(sep=" ")
    return f"{text}+00" if key_type == ZONED else text


def _items(text: str) -> list[str]:
    """Split `'a', MAXVALUE` into its values; empty if it is not of that form."""
    items, at = [], 0
    while at < len(text):
        found = ITEM.match(text, at)
        if found is None:
            return []
        items.append(found[2].strip() if found[1] is None else found[1].replace("''", "'"))
        at = found.end()
    return items


def _is_of_first(items: list[str]) -> bool:
    """Whether an end is a value of the first column; after MAXVALUE, PostgreSQL wants no other."""
    first, rest = items[0], set(items[1:])
    return rest <= {first if first in OPEN else "MINVALUE"}


def _point(value: str, key_type: str) -> Point | None:
    if value in OPEN:
        return None
    if key_type in NUMBERS:
        return int(value)
    if key_type == "date":
        day = date.fromisoformat(value)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    if key_type not in TIMES:
        raise ValueError(key_type)
    known = datetime.fromisoformat(value)
    if known.tzinfo is None:
        return known.replace(tzinfo=UTC)
    return known.astimezone(UTC)
