"""How much of a table a rewrite would give back, computed from statistics alone.

The file is compared with what its rows would need if they were laid down anew: rows are drawn
from the column statistics, given their alignment and null bitmap, and packed into pages.
"""

from alerts.bloat.estimate import (
    Confidence,
    HeapEstimate,
    NotEvaluated,
    Obstacle,
    estimate,
)
from alerts.bloat.heap import Column, Heap
from alerts.bloat.reading import heap_of

__all__ = [
    "Column",
    "Confidence",
    "Heap",
    "HeapEstimate",
    "NotEvaluated",
    "Obstacle",
    "estimate",
    "heap_of",
]
