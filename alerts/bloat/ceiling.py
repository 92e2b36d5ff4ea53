"""Upper bound of the estimate, computed in microseconds, to skip tables without bloat."""

from math import hypot

from alerts.bloat.estimate import WHOLE_ROWS
from alerts.bloat.heap import Column, Heap
from alerts.bloat.packing import LINE_POINTER, PAGE_HEADER, SMALLEST_TUPLE
from alerts.bloat.sampling import MODEL_ERROR, count_error, mean_error

HEADER = 23
SLACK = 0.98
"""Margin for sampling: nulls are whole rows of the sample, so the estimate may differ by this."""


def ceiling(heap: Heap) -> float | None:
    """Return the free share if rows had no gaps between them; None if unknown."""
    if heap.reltuples < 0 or not heap.relpages:
        return None
    if not all(column.is_known for column in heap.columns):
        return None
    data = sum(map(_mean_bytes, heap.columns))
    row = max(SMALLEST_TUPLE, HEADER + data) + LINE_POINTER
    pages = heap.reltuples * row / (heap.block_size - PAGE_HEADER)
    widths = mean_error(heap.statistics_target, heap.reltuples)
    error = MODEL_ERROR + hypot(widths, count_error(heap.statistics_target, heap.relpages))
    error += 3 * WHOLE_ROWS * row / (heap.block_size - PAGE_HEADER)
    return 1.0 - SLACK * max(0.0, 1.0 - error) * pages / heap.relpages


def _mean_bytes(column: Column) -> float:
    if not column.is_stored:
        return 0.0
    width = column.attlen if column.is_fixed else column.stawidth or 0
    return (1.0 - (column.null_fraction or 0.0)) * width
