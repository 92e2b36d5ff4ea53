"""Columns are the rows, only smaller: whatever was packed comes back as it was."""

from dataclasses import astuple, dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._columns import FEW, Coded, Columns, Holed, Text, block, column, packed, where


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    oid: int
    size: float
    seen: float | None
    parent: int | None
    valid: bool
    options: list[str]

    @property
    def double(self) -> float:
        return self.size * 2


integers = st.integers(-(2**62), 2**62)
things = st.builds(
    Thing,
    name=st.text(max_size=70),
    oid=st.integers(0, 2**32 - 1),
    size=st.floats(allow_nan=False),
    seen=st.none() | st.floats(allow_nan=False),
    parent=st.none() | integers,
    valid=st.booleans(),
    options=st.lists(st.text(max_size=5), max_size=2),
)


def columns(*blocks: list[Thing]) -> Columns[Thing]:
    names = list(Thing.__dataclass_fields__)
    records = [[dict(zip(names, astuple(row), strict=True)) for row in rows] for rows in blocks]
    return Columns(Thing, [block(Thing, of) for of in records])


def many(number: int) -> list[Thing]:
    """Rows with many different values in each column."""
    return [
        Thing(f"ü{n}🐘", n, n / 3, None if n % 3 else n / 7, n if n % 2 else None, n % 2 == 0, [])
        for n in range(number)
    ]


@given(st.lists(things, max_size=5), st.lists(things, max_size=5))
def test_rows_come_back_as_they_were(first: list[Thing], second: list[Thing]) -> None:
    """One after the other, by place from both ends, and by slice; over blocks, empty ones too."""
    rows, kept = first + second, columns(first, second)
    assert list(kept) == rows
    assert [kept[place] for place in range(len(rows))] == rows
    assert [kept[place - len(rows)] for place in range(len(rows))] == rows
    assert kept[1:4] == rows[1:4]
    assert len(kept) == len(rows)


def test_many_different_values_come_back_as_they_were() -> None:
    """Where values are too many to be coded: names of any length, numbers, and unknown ones."""
    rows = many(3 * FEW)
    kept = columns(rows)
    assert list(kept) == rows
    assert kept[FEW + 1] == rows[FEW + 1]
    assert [type(one) for one in kept.blocks[0][:1]] == [Text]


def test_there_is_nothing_beyond_the_end() -> None:
    """As with any sequence."""
    with pytest.raises(IndexError):
        columns(many(3))[3]
    with pytest.raises(IndexError):
        columns(many(3))[-4]


@given(st.lists(things, max_size=8))
def test_a_column_is_the_attribute_of_each_row(rows: list[Thing]) -> None:
    """Fields and properties alike, for rows and for columns."""
    for name in ("name", "parent", "options", "double"):
        expected = [getattr(row, name) for row in rows]
        assert column(columns(rows), name) == column(rows, name) == expected


@given(st.lists(things, max_size=8), st.sets(st.integers(0, 3)))
def test_where_finds_just_the_wanted_rows(rows: list[Thing], wanted: set[int]) -> None:
    """In the order of the rows, for rows and for columns."""
    known = [replace(row, oid=n % 5) for n, row in enumerate(rows)]
    expected = [row for row in known if row.oid in wanted]
    assert list(where(columns(known), "oid", wanted)) == expected
    assert list(where(known, "oid", wanted)) == expected


def test_databases_are_joined_in_order() -> None:
    """One answer of all."""
    one, other = many(3), many(5)
    assert list(Columns.joined(Thing, [columns(one), columns([]), columns(other)])) == one + other


@given(st.lists(integers, min_size=1))
def test_numbers_are_exact(values: list[int]) -> None:
    """However wide; a column of mixed widths is as wide as its widest."""
    assert list(packed(values * 300)) == values * 300
    assert list(packed([*values, *range(2 * FEW)])) == [*values, *range(2 * FEW)]


def test_numbers_beyond_any_array_are_kept() -> None:
    """Nothing that PostgreSQL can say is cut."""
    values = [2**70 + n for n in range(2 * FEW)]
    assert list(packed(values)) == values


def test_each_form_is_used_where_it_is_smallest() -> None:
    """Few values are coded, names are joined, unknown numbers leave holes."""
    assert isinstance(packed(["a", "b"] * FEW), Coded)
    assert isinstance(packed([["x"], []] * FEW), Coded)
    assert isinstance(packed([str(n) for n in range(2 * FEW)]), Text)
    assert isinstance(packed([None, *range(2 * FEW)]), Holed)
