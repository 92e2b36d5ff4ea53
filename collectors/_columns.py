"""Columnar storage of large answers; row objects are made only when they are read.

100,000 rows of 30 numbers take 100 MB as objects, and a tenth of that as columns.
"""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import accumulate, chain, compress
from typing import Any, Generic, TypeVar, overload

Row = TypeVar("Row")
Column = Sequence[Any]
FEW = 256
"""Up to this number of distinct values, a column stores each once, and a byte for each row."""


class Coded(Sequence[Any]):
    """Dictionary-encoded column of few distinct values."""

    __slots__ = ("codes", "values")

    def __init__(self, values: Sequence[Any], distinct: Mapping[Hashable, Any]) -> None:
        self.values = tuple(distinct.values())
        code = {value: number for number, value in enumerate(distinct)}
        self.codes = bytes(code[_hashable(value)] for value in values)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, index: Any) -> Any:
        return self.values[self.codes[index]]

    def __iter__(self) -> Iterator[Any]:
        return map(self.values.__getitem__, self.codes)


class Text(Sequence[Any]):
    """Column of texts, concatenated in one string."""

    __slots__ = ("ends", "joined")

    def __init__(self, values: Sequence[str]) -> None:
        self.joined = "".join(values)
        self.ends = array("I", chain((0,), accumulate(map(len, values))))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: Any) -> Any:
        return self.joined[self.ends[index] : self.ends[index + 1]]

    def __iter__(self) -> Iterator[Any]:
        return map(self.joined.__getitem__, map(slice, self.ends, self.ends[1:]))


class Holed(Sequence[Any]):
    """Column of numbers with None among them."""

    __slots__ = ("known", "numbers")

    def __init__(self, values: Sequence[Any]) -> None:
        self.known = bytes(value is not None for value in values)
        self.numbers = numbers([0 if value is None else value for value in values])

    def __len__(self) -> int:
        return len(self.known)

    def __getitem__(self, index: Any) -> Any:
        return self.numbers[index] if self.known[index] else None

    def __iter__(self) -> Iterator[Any]:
        return (n if known else None for n, known in zip(self.numbers, self.known, strict=True))


def numbers(values: Sequence[Any]) -> Column:
    """Store numbers in the narrowest array that fits."""
    if any(isinstance(value, float) for value in values):
        return array("d", values)
    low, high = min(values), max(values)
    for code, bits in (("b", 7), ("h", 15), ("i", 31), ("q", 63)):
        if -(1 << bits) <= low and high < 1 << bits:
            return array(code, values)
    return tuple(values)


def packed(values: Sequence[Any]) -> Column:
    """Store values in the form that takes the least memory."""
    kinds = set(map(type, values))
    distinct = {_hashable(value): value for value in values}
    if len(distinct) <= FEW:
        return Coded(values, distinct)
    if kinds <= {int, float}:
        return numbers(values)
    if kinds == {str}:
        return Text(values)
    return Holed(values) if kinds <= {int, float, type(None)} else tuple(values)


def _hashable(value: Any) -> Hashable:
    return tuple(value) if type(value) is list else value


class Columns(Sequence[Row], Generic[Row]):
    """Sequence of rows stored as columns, in blocks, one for each range and database read."""

    __slots__ = ("blocks", "ends", "fields", "row")

    def __init__(self, row: type[Row], blocks: Iterable[Sequence[Column]]) -> None:
        self.row = row
        self.fields = {field.name: index for index, field in enumerate(fields(row))}  # type: ignore[arg-type]
        self.blocks = tuple(block for block in blocks if block and len(block[0]))
        self.ends = list(accumulate(len(block[0]) for block in self.blocks))

    @classmethod
    def joined(cls, row: type[Row], parts: Iterable["Columns[Row]"]) -> "Columns[Row]":
        return cls(row, chain.from_iterable(part.blocks for part in parts))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(index)
        number = bisect_right(self.ends, at)
        block = self.blocks[number]
        first = self.ends[number] - len(block[0])
        return self.row(*(column[at - first] for column in block))

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(map(self.row, *block) for block in self.blocks)

    def column(self, name: str) -> list[Any]:
        """Return the values of one attribute; row objects are made only for computed attributes."""
        index = self.fields.get(name)
        if index is None:
            return [getattr(row, name) for row in self]
        return list(chain.from_iterable(block[index] for block in self.blocks))

    def where(self, name: str, wanted: Collection[Any]) -> Iterator[Row]:
        """Yield the rows in which the attribute has one of the wanted values."""
        index = self.fields[name]
        for block in self.blocks:
            if any(map(wanted.__contains__, block[index])):
                found = [value in wanted for value in block[index]]
                yield from map(self.row, *(compress(column, found) for column in block))


def block(row: type[Any], records: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Pack records into columns, in the order of the row type's fields."""
    if not records:
        return ()
    index = {name: number for number, name in enumerate(records[0].keys())}
    columns = list(zip(*(record.values() for record in records), strict=True))
    return tuple(packed(columns[index[field.name]]) for field in fields(row))


def column(rows: Sequence[Any], name: str) -> list[Any]:
    """Return the values of one attribute of all rows, stored as columns or as objects."""
    if isinstance(rows, Columns):
        return rows.column(name)
    return [getattr(row, name) for row in rows]


def where(rows: Sequence[Row], name: str, wanted: Collection[Any]) -> Iterator[Row]:
    """Yield the rows in which an attribute has one of the wanted values; fast for columns."""
    if isinstance(rows, Columns):
        return rows.where(name, wanted)
    return (row for row in rows if getattr(row, name) in wanted)
