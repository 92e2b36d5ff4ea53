"""Bounds, steps and names of partitions, as pg_get_expr and people write them."""

import itertools
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.partitions.bound import Point, Range, moment, range_of, written
from alerts.partitions.naming import next_name
from alerts.partitions.step import Step, step_of

ZONED = "timestamp with time zone"
PLAIN = "timestamp without time zone"


def at(
    year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0, second: int = 0,
    micro: int = 0,
) -> datetime:  # fmt: skip
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)


def bounds(*ends: Point) -> list[Range]:
    return [Range(lower, upper) for lower, upper in itertools.pairwise(ends)]


@pytest.mark.parametrize(
    ("bound", "key_type", "expected"),
    [
        ("FOR VALUES FROM (0) TO (10)", "integer", Range(0, 10)),
        ("FOR VALUES FROM ('-5') TO ('9223372036854775807')", "bigint", Range(-5, 2**63 - 1)),
        ("FOR VALUES FROM (MINVALUE) TO ('10')", "bigint", Range(None, 10)),
        ("FOR VALUES FROM ('2026-11-01') TO (MAXVALUE)", "date", Range(at(2026, 11, 1), None)),
        (
            "FOR VALUES FROM ('2026-11-01 00:00:00') TO ('2026-11-01 12:30:00')",
            PLAIN,
            Range(at(2026, 11, 1), at(2026, 11, 1, 12, 30)),
        ),
        (
            "FOR VALUES FROM ('2026-10-31 23:00:00+00') TO ('2026-11-30 23:00:00.5+00')",
            ZONED,
            Range(at(2026, 10, 31, 23), at(2026, 11, 30, 23, 0, 0, 500000)),
        ),
        ("FOR VALUES FROM ('-infinity') TO ('2026-11-01')", "date", None),
        ("FOR VALUES FROM ('0044-03-15 BC') TO ('2026-11-01')", "date", None),
        ("FOR VALUES FROM ('a, (''b') TO ('c')", "text", None),
        ("FOR VALUES FROM (0, MINVALUE) TO (10, MINVALUE)", "integer", None),
        ("FOR VALUES IN ('a', 'b')", "date", None),
        ("FOR VALUES WITH (modulus 4, remainder 0)", "integer", None),
        ("DEFAULT", "date", None),
        (None, "date", None),
    ],
)
def test_bounds_are_read(bound: str | None, key_type: str, expected: Range | None) -> None:
    """Of one column with a type that has an order; all else is no known range."""
    assert range_of(bound, key_type) == expected


@pytest.mark.parametrize(
    ("key_type", "text"), [("date", "2026-11-01"), (PLAIN, "2026-11-01 00:00:00")]
)
def test_what_is_written_is_read_again(key_type: str, text: str) -> None:
    assert written(moment(at(2026, 11, 1).timestamp()), key_type) == text
    assert written(at(2026, 11, 1), ZONED) == "2026-11-01 00:00:00+00"
    assert written(7, "bigint") == "7"


LATE_2026 = [at(2026, 10), at(2026, 11), at(2026, 12), at(2027)]
DAYS = [at(2026, 11, 30), at(2026, 12, 1), at(2026, 12, 2)]
WEEKS = [at(2026, 12, 14), at(2026, 12, 21), at(2026, 12, 28), at(2027, 1, 4)]
BERLIN = [datetime(2026, month, 1, tzinfo=ZoneInfo("Europe/Berlin")) for month in (9, 10, 11)]
ABROAD = [one.astimezone(UTC) for one in BERLIN]


@pytest.mark.parametrize(
    ("ends", "zones", "next_end"),
    [
        ([at(2026, 10), at(2026, 11), at(2026, 12)], (), at(2027, 1)),
        ([at(2026, 4), at(2026, 7), at(2026, 10)], (), at(2027, 1)),
        ([at(2025), at(2026)], (), at(2027)),
        ([at(2026, 2, 27), at(2026, 2, 28), at(2026, 3, 1)], (), at(2026, 3, 2)),
        ([at(2026, 11, 2), at(2026, 11, 9), at(2026, 11, 16)], (), at(2026, 11, 23)),
        ([at(2026, 11, 2, 22), at(2026, 11, 2, 23)], (), at(2026, 11, 3, 0)),
        (ABROAD, ("Europe/Berlin",), datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ([0, 1000, 2000], (), 3000),
    ],
)
def test_the_next_range_is_as_wide(
    ends: list[Any], zones: tuple[str, ...], next_end: Point
) -> None:
    """Months are calendar months, days of a zone are days of that zone."""
    step = step_of(bounds(*ends), zones)
    assert step is not None
    assert step.after(ends[-1]) == next_end


@pytest.mark.parametrize(
    ("ends", "zones"),
    [
        (ABROAD, ()),
        (ABROAD, ("Nowhere/At_all", "../etc/passwd", "America/Lima")),
        ([0, 1000, 3000], ()),
        ([at(2026, 11, 1), at(2026, 11, 2), at(2026, 11, 5)], ()),
        ([], ()),
    ],
)
def test_without_a_common_width_there_is_no_step(ends: list[Any], zones: tuple[str, ...]) -> None:
    assert step_of(bounds(*ends), zones) is None


@pytest.mark.parametrize(
    ("names", "ends", "expected"),
    [
        (["e_2026_10", "e_2026_11", "e_2026_12"], LATE_2026, "e_2027_01"),
        (["e_p20261130", "e_p20261201"], DAYS, "e_p20261202"),
        (["v2 y26m11;", "v2 y26m12;"], [at(2026, 11), at(2026, 12), at(2027)], "v2 y27m01;"),
        (["e2026q2", "e2026q3"], [at(2026, 4), at(2026, 7), at(2026, 10)], "e2026q4"),
        (["e_2026w51", "e_2026w52"], WEEKS[:3], "e_2026w53"),
        (["e_2026w52", "e_2026w53"], WEEKS[1:], "e_2027w01"),
        (["o_p0", "o_p1000", "o_p2000"], [0, 1000, 2000, 3000], "o_p3000"),
        (["o_9", "o_10", "o_11"], [8000, 9000, 10000, 11000], "o_12"),
        (["o_0001", "o_0002"], [0, 500, 1000], "o_0003"),
        (["o_0_999", "o_1000_1999"], [0, 1000, 2000], "o_2000_2999"),
        (["current", "older"], [0, 1000, 2000], None),
        (["e_7", "e_9"], [at(2026, 10), at(2026, 11), at(2026, 12)], None),
        (["e_2026_11"], [at(2026, 11), at(2026, 12)], None),
    ],
)  # fmt: skip
def test_names_follow_their_siblings(
    names: list[str], ends: list[Any], expected: str | None
) -> None:
    """By the digits in them; a year that has not changed yet is a year."""
    known = bounds(*ends)
    siblings = list(zip(names, known, strict=True))
    step = step_of(known) or Step()
    wanted = Range(ends[-1], step.after(ends[-1]) if names != ["e_7", "e_9"] else at(2027))
    assert next_name(siblings, wanted, set(names), UTC) == expected


def test_a_name_in_use_or_too_long_is_none() -> None:
    known = bounds(0, 1000, 2000)
    long = "x" * 58
    siblings = list(zip([f"{long}_0", f"{long}_1000"], known, strict=True))
    assert next_name(siblings, Range(2000, 3000), set(), UTC) == f"{long}_2000"
    assert next_name(siblings, Range(2000, 3000), {f"{long}_2000"}, UTC) is None
    assert next_name(siblings, Range(20000, 21000), set(), UTC) is None
