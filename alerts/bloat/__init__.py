"""Bloat estimate: the part of a table's file that a rewrite would free, from statistics alone.

The file is compared with the size of its rows after a rewrite: rows are sampled from the column
statistics, with alignment and null bitmap, and packed into pages.
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
