"""Estimate of the share of a file that a rewrite would free, from row lengths."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from statistics import fmean

from alerts.bloat.heap import Column, Heap
from alerts.bloat.packing import LINE_POINTER, rows_per_page
from alerts.bloat.tuple_length import Nulls, Widths, tuple_lengths

SMALLEST_FILE = 128
"""Pages. For smaller tables, rounding to whole pages and rows is as large as the bloat."""
CHANGED_TOO_MUCH = 1.0
CHANGED_MUCH = 0.2
"""Changes since ANALYZE, as a share of the rows, above which the statistics are too old."""
OLD_STATISTICS = 30 * 86400
REMEMBERED = 2000
"""Number of tables whose packing is cached."""


class Confidence(StrEnum):
    high = "high"
    low = "low"


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
    has_dropped_columns: bool
    """Whether a part is the space of dropped columns, which only a rewrite frees."""


def estimate(heap: Heap) -> HeapEstimate | NotEvaluated:
    """Estimate the bloat of a table, without judging it."""
    return _obstacle(heap) or _evaluated(heap)


def _obstacle(heap: Heap) -> NotEvaluated | None:
    if _is_small(heap):
        return NotEvaluated(Obstacle.too_small, f"smaller than {SMALLEST_FILE} pages")
    if heap.reltuples < 0:
        return NotEvaluated(Obstacle.never_counted, "never vacuumed nor analysed")
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
    fits, tuple_bytes = _laid_down(heap.columns, heap.oid, heap.fillfactor, heap.block_size)
    shares = [1.0 - heap.reltuples / fit / heap.relpages for fit in fits]
    share = max(0.0, fmean(shares))
    size = heap.relpages * heap.block_size
    bloat = round(share * size)
    dead = _dead_bytes(heap, tuple_bytes, bloat)
    return HeapEstimate(
        bloat_share=share,
        low=max(0.0, min(shares)),
        high=max(0.0, *shares),
        bloat_bytes=bloat,
        dead_bytes=dead,
        free_bytes=None if dead is None else bloat - dead,
        tuple_bytes=tuple_bytes,
        rows_per_page=fmean(fits),
        confidence=_confidence(heap),
        has_dropped_columns=any(column.attisdropped for column in heap.columns),
    )


@lru_cache(maxsize=REMEMBERED)
def _laid_down(
    columns: tuple[Column, ...], seed: int, fillfactor: int, block_size: int
) -> tuple[tuple[float, ...], float]:
    """Return rows on a page under each hypothesis, and the mean length of a row in bytes.

    Takes milliseconds; the result is the same until the table or its statistics change.
    """
    samples = _samples(columns, seed)
    fits = tuple(rows_per_page(sample, fillfactor, block_size) for sample in samples)
    return fits, fmean(fmean(sample) for sample in samples)


def _samples(columns: tuple[Column, ...], seed: int) -> list[list[int]]:
    """Sample the rows under each hypothesis; equivalent hypotheses are sampled once."""
    stored = [column for column in columns if column.is_stored]
    widths = Widths if any(not column.is_fixed for column in stored) else (Widths.constant,)
    nulls = Nulls if sum(1 for c in stored if c.null_fraction) > 1 else (Nulls.independent,)
    return [tuple_lengths(columns, w, n, seed) for w in widths for n in nulls]


def _dead_bytes(heap: Heap, tuple_bytes: float, bloat_bytes: int) -> int | None:
    if heap.n_dead_tup is None:
        return None
    return min(bloat_bytes, round(heap.n_dead_tup * (tuple_bytes + LINE_POINTER)))


def _confidence(heap: Heap) -> Confidence:
    doubtful = (
        heap.n_mod_since_analyze is None
        or _changed(heap) >= CHANGED_MUCH
        or any(column.atthasmissing and column.is_stored for column in heap.columns)
        or _outdated(heap)
    )
    return Confidence.low if doubtful else Confidence.high


def _outdated(heap: Heap) -> bool:
    old = heap.statistics_age_seconds is not None and heap.statistics_age_seconds > OLD_STATISTICS
    return old and heap.n_mod_since_analyze != 0
