"""Packing of rows into pages, in the order in which they are written."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, cycle

from alerts.bloat.sampling import LONGEST_TAIL
from alerts.bloat.tuple_length import TOASTED

PAGE_HEADER = 24
LINE_POINTER = 4
SMALLEST_TUPLE = 24
# The sample is repeated until this many pages are full, so that the last, partly filled page has
# little weight.
PAGES = 32
STEP = 32
"""Bytes by which the free space map counts."""


def rows_per_page(lengths: Sequence[int], fillfactor: int, block_size: int = 8192) -> float:
    """Return the mean number of rows on a page.

    The space at the end of a page that is too small for the next row is lost; a rewrite does not
    free it.
    """
    budget = page_budget(fillfactor, block_size)
    most = (block_size - PAGE_HEADER) // (SMALLEST_TUPLE + LINE_POINTER)
    sizes = [length + LINE_POINTER for length in lengths]
    rounds = 1 + PAGES * budget // sum(sizes)
    ends = list(accumulate(sizes * rounds, initial=0))
    first = pages = 0
    while ends[first] + budget < ends[-1] or not pages:
        fitting = bisect_right(ends, ends[first] + budget) - 1
        # A row larger than the fill factor allows is still written to an empty page.
        first = min(max(fitting, first + 1), first + most, len(ends) - 1)
        pages += 1
    return first / pages


def rows_per_page_refilled(
    lengths: Sequence[int], fillfactor: int, block_size: int = 8192
) -> float:
    """Return the mean number of rows on a page if a row goes where a longer one left space.

    So inserts place it, by the free space map, and a rewrite keeps the order that came of it.
    """
    budget = page_budget(fillfactor, block_size)
    sizes = cycle([length + LINE_POINTER for length in lengths])
    left: list[int] = []
    free, rows = budget, 0
    while len(left) < PAGES:
        size = next(sizes)
        if size > free:
            left.append(free)
            wanted = -(-size // STEP)
            place = next((n for n, gap in enumerate(left) if gap // STEP >= wanted), None)
            free = budget if place is None else left.pop(place)
        free -= size
        rows += 1
    return (rows - 1) / PAGES  # the last one has begun another page


def largest_gap(mean: float, elastic: float) -> float:
    """Return the mean bytes that are lost at the end of a page if widths differ much.

    `elastic` is the part of a row whose width has no narrow limit. A longer row is more likely to
    be the one that no longer fits, and half of it is lost on average: so a few long rows among
    short ones lose more than the mean tells.
    """
    size, longest = mean + LINE_POINTER, float(TOASTED + LINE_POINTER)
    variance = (LONGEST_TAIL * elastic * mean) ** 2
    most = max(0.0, (longest - size) * (size - SMALLEST_TUPLE))
    return (size + min(variance, most) / size) / 2


def page_budget(fillfactor: int, block_size: int) -> int:
    return block_size - PAGE_HEADER - block_size * (100 - fillfactor) // 100
