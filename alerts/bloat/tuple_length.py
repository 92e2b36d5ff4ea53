"""Lengths of rows on disk, sampled from column statistics with PostgreSQL's layout rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from statistics import fmean

from alerts.bloat.heap import Column

DRAWS = 300
ALIGNMENT = {"c": 1, "s": 2, "i": 4, "d": 8}
MAXALIGN = 8
# Values of variable length up to this many bytes have a one-byte header and no alignment.
SHORT = 127
# Mean widths are rounded down, which loses half a byte on average if values differ.
CUT_OFF = 0.5
TOASTED = 2032
"""Bytes of the longest row whose values can be compressed, or moved out of it: a fourth of a
page."""
COMPRESSED = 0.75
"""Mean bytes before each value if half of them are compressed, which are always aligned."""
NEARLY = 0.9
"""Almost all that rounding down may have lost."""


class Widths(StrEnum):
    """Distribution of widths around their mean, which statistics don't contain: constant, or
    between 0.5 and 1.5 times the mean."""

    constant = "constant"
    spread = "spread"


class Nulls(StrEnum):
    """Correlation of nulls between columns, which statistics don't contain."""

    independent = "independent"
    together = "together"


@dataclass(frozen=True, slots=True)
class Header:
    """Bytes before the data of a tuple."""

    plain: int
    bitmap: int | None = None
    """Bytes of the null bitmap, if it does not depend on the number of columns."""

    def with_nulls(self, columns: int) -> int:
        return self.plain + ((columns + 7) // 8 if self.bitmap is None else self.bitmap)


ROW = Header(plain=23)
INDEX_ENTRY = Header(plain=8, bitmap=4)


def tuple_lengths(
    columns: Sequence[Column], widths: Widths, nulls: Nulls, seed: int, header: Header = ROW
) -> list[int]:
    """Return the bytes of each sampled tuple with its header; deterministic for a seed."""
    deck = Deck(seed)
    null_order = deck.cut() if nulls is Nulls.together else None
    values = [
        _with_nulls(_widths(column, widths, deck), column, null_order or deck.cut(), deck)
        for column in columns
        if column.is_stored
    ]
    always_null = any(not column.is_stored for column in columns)
    with_nulls, plain = aligned(header.with_nulls(len(columns))), aligned(header.plain)
    starts = [with_nulls if always_null or 0 in row else plain for row in _rows(values)]
    lengths = [start + data for start, data in zip(starts, _data(columns, values), strict=True)]
    if header is ROW:
        toastable = sum(1.0 - (c.null_fraction or 0.0) for c in columns if c.is_toastable)
        lengths = _toasted(lengths, toastable)
    return list(map(aligned, lengths))


def _toasted(lengths: list[int], toastable: float) -> list[int]:
    """Narrow rows that are longer than they can be, as their longest values are moved out.

    Their mean is known, and was taken afterwards: where it is near the limit, all are near it.
    """
    mean, longest = fmean(lengths), max(lengths)
    if longest <= TOASTED or mean >= TOASTED or not toastable:
        return lengths
    padded = min(mean + COMPRESSED * toastable, TOASTED - MAXALIGN)
    narrower = (TOASTED - padded) / (longest - mean)
    return [round(padded + narrower * (length - mean)) for length in lengths]


class Deck:
    """Numbers below DRAWS in a shuffled order, rotated for each use.

    So every column covers its whole distribution evenly, and columns are not correlated.
    Independent random values would be slower, and need more rows for the same precision.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.cards = self.random.sample(range(DRAWS), DRAWS)

    def cut(self) -> list[int]:
        place = self.random.randrange(DRAWS)
        return self.cards[place:] + self.cards[:place]


def _widths(column: Column, widths: Widths, deck: Deck) -> list[int]:
    if column.is_fixed or column.stawidth is None:
        return [column.attlen] * DRAWS
    if column.typname == "numeric":
        return _odd_widths(column.stawidth, widths, deck)
    if widths is Widths.constant or column.is_padded:
        return [column.stawidth] * DRAWS
    mean = column.stawidth + CUT_OFF
    step = mean / DRAWS
    return [max(1, round(mean / 2 + step * (card + 0.5))) for card in deck.cut()]


def _odd_widths(width: int, widths: Widths, deck: Deck) -> list[int]:
    """Sample odd widths: a numeric has 3 bytes, and 2 for each 4 digits.

    The mean is known without its fraction; the hypotheses are its bounds.
    """
    lower = (width - 1) // 2 * 2 + 1
    mean = width if widths is Widths.constant else width + NEARLY
    longer = (mean - lower) / 2 * DRAWS
    return [lower + 2 if card < longer else lower for card in deck.cut()]


def _with_nulls(lengths: list[int], column: Column, order: list[int], deck: Deck) -> list[int]:
    """Sample the widths of a column; 0 stands for null, because no stored value has 0 bytes."""
    nulls = int((column.null_fraction or 0.0) * DRAWS + deck.random.random())
    if not nulls:
        return lengths
    return [0 if card < nulls else length for card, length in zip(order, lengths, strict=True)]


def _rows(values: list[list[int]]) -> Sequence[tuple[int, ...]]:
    return list(zip(*values, strict=True)) or [()] * DRAWS


def _data(columns: Sequence[Column], values: list[list[int]]) -> list[int]:
    ends = [0] * DRAWS
    stored = (column for column in columns if column.is_stored)
    for column, lengths in zip(stored, values, strict=True):
        align = 1 if column.attlen == -2 else ALIGNMENT[column.attalign]
        packed = SHORT if column.attlen == -1 and column.attstorage != "p" else 0
        pad = align - 1
        ends = [
            end + length if length <= packed else (end + pad & -align) + length
            for end, length in zip(ends, lengths, strict=True)
        ]
    return ends


def aligned(length: int) -> int:
    return length + MAXALIGN - 1 & -MAXALIGN
