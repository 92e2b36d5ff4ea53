"""Estimate of the share of a file that a rewrite would free, from row lengths."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product
from math import hypot
from operator import mul
from statistics import fmean

from alerts.bloat.heap import Column, Heap
from alerts.bloat.packing import (
    LINE_POINTER,
    largest_gap,
    page_budget,
    rows_per_page,
    rows_per_page_refilled,
)
from alerts.bloat.refuted import possible, share_left
from alerts.bloat.sampling import MODEL_ERROR, count_error, is_sampled_well, mean_error
from alerts.bloat.tuple_length import Nulls, Widths, tuple_lengths

SMALLEST_FILE = 128
"""Pages. For smaller tables, rounding to whole pages and rows is as large as the bloat."""
CHANGED_TOO_MUCH = 1.0
CHANGED_MUCH = 0.2
"""Changes since ANALYZE, as a share of the rows, above which the statistics are too old."""
OLD_STATISTICS = 30 * 86400
WHOLE_ROWS = 0.15
"""How many rows a page of rows of different lengths may have more, or less."""
WIDE = 0.08
"""Width of the interval, as a share of the file, from which the number is uncertain."""
FILLED_UP = 0.25
"""Weight of pages whose last gap was filled by a short row."""
REMEMBERED = 2000
"""Number of tables whose packing is cached."""
NEVER_COUNTED = "not vacuumed or analysed since it was created or truncated"


class Confidence(StrEnum):
    high = "high"
    low = "low"


class Basis(StrEnum):
    """Basis of an estimate: what the file is compared with."""

    statistics = "column statistics"
    rewrite = "its size after the last rewrite"
    best = "its best size so far"
    """That size may have been bloated as well, so the estimate is the least."""


class Obstacle(StrEnum):
    """Reason why a table can't be estimated."""

    too_small = "too_small"
    never_counted = "never_counted"
    statistics_hidden = "statistics_hidden"
    statistics_missing = "statistics_missing"
    changed_since_analyze = "changed_since_analyze"


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """The result for a table that can't be estimated."""

    obstacle: Obstacle
    reason: str

    @property
    def needs_grant(self) -> bool:
        return self.obstacle is Obstacle.statistics_hidden


@dataclass(frozen=True, slots=True)
class HeapEstimate:
    """Bloat of a table, as shares (0 to 1) of its file at the last vacuum or analyze."""

    bloat_share: float
    low: float
    high: float
    bloat_bytes: int
    dead_bytes: int | None
    """The part that a vacuum would free; the rest is already free for new rows of this table."""
    free_bytes: int | None
    tuple_bytes: float
    rows_per_page: float
    confidence: Confidence
    is_outdated: bool
    """Whether confidence is low because the statistics may not be of these rows."""
    has_dropped_columns: bool
    """Whether a part is the space of dropped columns, which only a rewrite frees."""
    basis: Basis = Basis.statistics


def estimate(heap: Heap) -> HeapEstimate | NotEvaluated:
    """Estimate the bloat of a table, without judging it."""
    return _obstacle(heap) or _evaluated(heap)


def rows_that_fit(heap: Heap) -> float:
    """Return the mean number of rows on a full page."""
    return fmean(_packed(heap.columns, heap.oid, heap.fillfactor, heap.block_size).fits)


def _obstacle(heap: Heap) -> NotEvaluated | None:
    if _is_small(heap):
        return NotEvaluated(Obstacle.too_small, f"smaller than {SMALLEST_FILE} pages")
    if heap.reltuples < 0:
        return NotEvaluated(Obstacle.never_counted, NEVER_COUNTED)
    if not all(column.is_known for column in heap.columns):
        if heap.statistics_readable:
            return NotEvaluated(Obstacle.statistics_missing, "columns without statistics")
        return NotEvaluated(Obstacle.statistics_hidden, "column statistics may not be read")
    if _changed(heap) >= CHANGED_TOO_MUCH:
        return NotEvaluated(Obstacle.changed_since_analyze, "rewritten since the last ANALYZE")
    return None


def _is_small(heap: Heap) -> bool:
    """Return True for a small table. Without a page count, the number of its rows decides."""
    if heap.reltuples >= 0:
        return heap.relpages < SMALLEST_FILE
    if heap.n_live_tup is None or heap.n_dead_tup is None:
        return False
    return heap.n_live_tup + heap.n_dead_tup < SMALLEST_FILE


def _changed(heap: Heap) -> float:
    return (heap.n_mod_since_analyze or 0) / max(heap.reltuples, 1.0)


def _evaluated(heap: Heap) -> HeapEstimate:
    packed = _packed(heap.columns, heap.oid, heap.fillfactor, heap.block_size)
    error = _error(heap, packed)
    needs, share = _needs(heap, packed, error)
    least, most = min(needs) * (1.0 - error), max(needs) * (1.0 + error + packed.further_gap)
    is_outdated = _is_outdated(heap)
    size = heap.relpages * heap.block_size
    bloat = round(share * size)
    dead = _dead_bytes(heap, packed.tuple_bytes, bloat)
    return HeapEstimate(
        bloat_share=share,
        low=max(0.0, 1.0 - most),
        high=max(0.0, 1.0 - least),
        bloat_bytes=bloat,
        dead_bytes=dead,
        free_bytes=None if dead is None else bloat - dead,
        tuple_bytes=packed.tuple_bytes,
        rows_per_page=fmean(packed.fits),
        confidence=Confidence.low if most - least > WIDE or is_outdated else Confidence.high,
        is_outdated=is_outdated,
        has_dropped_columns=any(column.attisdropped for column in heap.columns),
    )


def _needs(heap: Heap, packed: "_Packed", error: float) -> tuple[list[float], float]:
    """Return the pages that are needed, as shares of the file, and the share that is bloat.

    More pages than there are can't be needed, nor fewer than the rows that are left took of all
    that were put in. Where columns were dropped the rows were longer then.
    """
    needs = [heap.reltuples / fit / heap.relpages for fit in packed.fits]
    was_longer = any(column.attisdropped for column in heap.columns)
    least = 0.0 if was_longer else share_left(heap.reltuples, heap.rows_made)
    weighed = list(zip(needs, packed.weights, strict=True))
    likely = list(possible(weighed, least * (1.0 - error), 1.0 + error))
    if not likely:
        return needs, max(0.0, 1.0 - sum(map(mul, needs, packed.weights)))
    bounded = [min(1.0, max(least, need)) for need, _ in likely]
    mean = fmean(bounded, [weight for _, weight in likely])
    return [need for need, _ in likely], 1.0 - mean


def _error(heap: Heap, packed: "_Packed") -> float:
    """Return the likely error of the pages needed, as a share of them."""
    width = packed.varying_share * mean_error(heap.statistics_target, heap.reltuples)
    rows = count_error(heap.statistics_target, heap.relpages)
    if len(packed.fits) == 2 and not packed.varying_share:
        return rows
    whole = WHOLE_ROWS * (1.0 + packed.varying_share) / fmean(packed.fits)
    return hypot(width, rows) + MODEL_ERROR + whole


@dataclass(frozen=True, slots=True)
class _Packed:
    """Rows of a table in full pages."""

    fits: tuple[float, ...]
    """Rows on a page under each hypothesis."""
    weights: tuple[float, ...]
    """How plausible each is; the sum is 1."""
    tuple_bytes: float
    varying_share: float
    """The part of a row whose length may differ."""
    further_gap: float
    """The part of a page that is lost at its end where lengths differ more than was sampled."""


@lru_cache(maxsize=REMEMBERED)
def _packed(columns: tuple[Column, ...], seed: int, fillfactor: int, block_size: int) -> _Packed:
    """Pack sampled rows into pages.

    Takes milliseconds; the result is the same until the table or its statistics change.
    """
    fits, weights, means = [], [], []
    for weight, sample in _samples(columns, seed):
        mean = fmean(sample)
        means.append(mean)
        one_by_one = rows_per_page(sample, fillfactor, block_size)
        refilled = rows_per_page_refilled(sample, fillfactor, block_size)
        fits += [one_by_one, max(one_by_one, refilled)]
        weights += [weight * (1.0 - FILLED_UP), weight * FILLED_UP]
    tuple_bytes = fmean(means)
    varying = min(1.0, sum(map(_varying_bytes, columns)) / tuple_bytes)
    budget = page_budget(fillfactor, block_size)
    lost = 1.0 - min(fits) * (tuple_bytes + LINE_POINTER) / budget
    elastic = sum(_varying_bytes(column) for column in columns if column.is_elastic) / tuple_bytes
    further = largest_gap(tuple_bytes, min(1.0, elastic)) / budget - max(0.0, lost)
    return _Packed(
        tuple(fits), tuple(weights), tuple_bytes, varying, max(0.0, further) if elastic else 0.0
    )


def _varying_bytes(column: Column) -> float:
    """Return the mean bytes of a column that may differ between rows."""
    if not column.is_stored or (column.is_fixed and not column.null_fraction):
        return 0.0
    width = column.attlen if column.is_fixed else column.stawidth or 0
    return (1.0 - (column.null_fraction or 0.0)) * width


def _samples(columns: tuple[Column, ...], seed: int) -> Iterator[tuple[float, list[int]]]:
    """Sample the rows under each hypothesis with its weight; equivalent ones are sampled once.

    The more columns have nulls, the less plausible it is that all are in the same rows; and the
    more have no fixed width, the less plausible it is that the widths of none differ.
    """
    stored = [column for column in columns if column.is_stored]
    varying = sum(1 for column in stored if not column.is_fixed)
    widths = {Widths.constant: 1.0 / (1.0 + varying), Widths.spread: varying / (1.0 + varying)}
    with_nulls = sum(1 for column in stored if column.null_fraction)
    together = 1.0 / with_nulls if with_nulls > 1 else 0.0
    plausible = {Nulls.independent: 1.0 - together, Nulls.together: together}
    for (width, likely), (nulls, weight) in product(widths.items(), plausible.items()):
        if likely * weight:
            yield likely * weight, tuple_lengths(columns, width, nulls, seed)


def _dead_bytes(heap: Heap, tuple_bytes: float, bloat_bytes: int) -> int | None:
    if heap.n_dead_tup is None:
        return None
    return min(bloat_bytes, round(heap.n_dead_tup * (tuple_bytes + LINE_POINTER)))


def _is_outdated(heap: Heap) -> bool:
    return (
        heap.n_mod_since_analyze is None
        or _changed(heap) >= CHANGED_MUCH
        or any(column.atthasmissing and column.is_stored for column in heap.columns)
        or _is_old(heap)
        or not is_sampled_well(heap.statistics_target, heap.reltuples)
    )


def _is_old(heap: Heap) -> bool:
    old = heap.statistics_age_seconds is not None and heap.statistics_age_seconds > OLD_STATISTICS
    return old and heap.n_mod_since_analyze != 0
