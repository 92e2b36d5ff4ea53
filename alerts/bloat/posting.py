"""Size of equal keys in a B-tree that is built anew: one entry, with a list of its rows."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import count

from alerts.bloat.distinct import SHAPE, Frequencies, met, whole_numbers
from alerts.bloat.packing import LINE_POINTER
from alerts.bloat.tuple_length import aligned

LARGEST_ENTRY = 808
"""Bytes of an entry with a list, in a build: a tenth of a page of 8 kB."""
ROW_POINTER = 6
MANY = 250.0
"""Mean number of equal keys from which how it varies makes no difference."""
REMEMBERED = 4000


@lru_cache(maxsize=REMEMBERED)
def bytes_per_row(entry: int, equal: float, kind: Frequencies = Frequencies.even) -> float:
    """Return the mean bytes of a row whose entry has this length, by the mean number of equals."""
    if equal <= 1.0:
        return float(entry + LINE_POINTER)
    if equal >= MANY:
        return _group(entry, round(equal)) / round(equal)
    total = 0.0
    for rows, chance in enumerate(chances(equal, kind), 1):
        share = chance * _group(entry, rows)
        total += share
        if rows > equal and share < 1e-5 * total:
            break
    return total / equal


def chances(mean: float, kind: Frequencies) -> Iterator[float]:
    """Yield the chance that a key has one row, two, and so on."""
    if kind is Frequencies.constant:
        constant = dict(whole_numbers(mean))
        yield from (constant.get(rows, 0.0) for rows in count(1))
    rate = _rate(mean, kind)
    at_all, once = met(kind, rate)
    chance, rows = once / at_all, 1
    shape = SHAPE.get(kind)
    while True:
        yield chance
        rows += 1
        more = rate if shape is None else (rows - 1 + shape) * rate / (rate + shape)
        chance *= more / rows


def entries_of(entry: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield the bytes of each entry for that many rows, and how many of them are its list."""
    most = rows_of_a_list(entry)
    while rows > 0:
        size = _one(entry, min(rows, most))
        yield size, size - entry
        rows -= most


def _group(entry: int, rows: int) -> int:
    """Return the bytes of all entries for that many rows with an equal key."""
    most = rows_of_a_list(entry)
    full, rest = divmod(rows, most)
    bytes_of_rest = _one(entry, rest) + LINE_POINTER if rest else 0
    return full * (_one(entry, most) + LINE_POINTER) + bytes_of_rest


def rows_of_a_list(entry: int) -> int:
    """Return the largest number of rows in one entry."""
    return max(1, (LARGEST_ENTRY - entry) // ROW_POINTER)


def _one(entry: int, rows: int) -> int:
    return entry if rows == 1 else aligned(entry + ROW_POINTER * rows)


def _rate(mean: float, kind: Frequencies) -> float:
    """Return the mean frequency with keys that have no rows, by the mean without them."""
    low, high = 1e-9, mean
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle / met(kind, middle)[0] < mean else (low, middle)
    return low
