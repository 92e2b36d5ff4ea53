"""Leaves of a B-tree as a build fills them, entry by entry."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from math import sqrt
from random import Random
from statistics import NormalDist

from alerts.bloat.distinct import SHAPE, Frequencies, whole_numbers
from alerts.bloat.packing import LINE_POINTER, PAGE_HEADER
from alerts.bloat.posting import MANY, chances, entries_of

SPECIAL = 16
"""Bytes at the end of each page of a B-tree."""
HEAP_POINTER = 8
"""Bytes that a build keeps free for a row pointer in the key that bounds a page."""
PAGES = 12
DRAWS = 300
ENTRIES = 200
"""Number of entries with an equal key, from which further ones add nothing to the picture."""
REMEMBERED = 4000
Lengths = tuple[tuple[int, int], ...]
"""Lengths of entries, and how often each occurs."""


@lru_cache(maxsize=REMEMBERED)
def leaf_bytes(
    lengths: Lengths, equal: float, kind: Frequencies, fillfactor: int, block_size: int
) -> float:
    """Return the mean bytes of entries on a leaf, with their line pointers.

    A page ends where an entry passes the fill factor; that one begins the next page, and what it
    would have taken is lost. A list of rows doesn't count there, as the bound of the page has none:
    pages of long lists are fuller, until the next list no longer fits.
    """
    room = block_size - PAGE_HEADER - SPECIAL - LINE_POINTER
    reserved = block_size * (100 - fillfactor) // 100
    used = last = extra = number = pages = total = 0
    for size, more in _entries(lengths, equal, kind):
        free = room - used - LINE_POINTER
        if number > 1 and (free < size + HEAP_POINTER or free + extra < reserved):
            total, pages = total + used - last, pages + 1
            used, number = last, 1
            if pages == PAGES:
                break
        last, extra = size + LINE_POINTER, more
        used, number = used + last, number + 1
    return total / pages if pages else float(max(used, 1))


def _entries(lengths: Lengths, equal: float, kind: Frequencies) -> Iterator[tuple[int, int]]:
    """Yield the size of each entry, and how much of it is its list of rows."""
    random = Random(0)
    keys = [length for length, times in lengths for _ in range(times)]
    groups = _groups(equal, kind, random)
    random.shuffle(keys)
    random.shuffle(groups)
    at = 0
    while True:
        key, rows = keys[at % len(keys)], groups[at % len(groups)]
        yield from islice(entries_of(key, rows), ENTRIES)
        at += 1
        if at % len(keys) == 0:
            random.shuffle(keys)


def _groups(equal: float, kind: Frequencies, random: Random) -> list[int]:
    """Return numbers of rows with an equal key, as often as they are likely."""
    if equal <= 1.0:
        return [1]
    if kind is Frequencies.constant:
        (fewer, chance), (more, _) = whole_numbers(equal)
        return [fewer if (n + 0.5) / DRAWS <= chance else more for n in range(DRAWS)]
    if equal < MANY:
        return list(_by_chance(equal, kind))
    if (shape := SHAPE.get(kind)) is None:
        around = NormalDist(equal, sqrt(equal))
        return [max(1, round(around.inv_cdf((n + 0.5) / DRAWS))) for n in range(DRAWS)]
    return [max(1, round(random.gammavariate(shape, equal / shape))) for _ in range(DRAWS)]


def _by_chance(equal: float, kind: Frequencies) -> Iterator[int]:
    likely = enumerate(chances(equal, kind), 1)
    rows, below = 0, 0.0
    for n in range(DRAWS):
        while below < (n + 0.5) / DRAWS:
            rows, chance = next(likely)
            below += chance
        yield rows
