"""Estimates of the largest tables and indexes as rows, whether or not they are bloated."""

from collections.abc import Iterable
from heapq import nlargest

from alerts._base import Measured
from alerts.bloat.btree import BTreeEstimate
from alerts.bloat.estimate import SMALLEST_FILE, Confidence, HeapEstimate
from collectors.bloat_estimates import INDEX, TABLE, BloatEstimate
from collectors.user_indexes import UserIndex

LARGEST = 50
"""How many tables, and how many indexes, have series of their own on a server."""


def least_pages(pages: Iterable[int]) -> int:
    """Return the size from which the file is one of the largest."""
    largest = nlargest(LARGEST, pages)
    return max(SMALLEST_FILE, largest[-1] if len(largest) == LARGEST else 0)


def of_table(
    datname: str, schemaname: str, relname: str, size: int, found: HeapEstimate
) -> Measured:
    return Measured(_row(TABLE, (datname, schemaname, relname, ""), size, found))


def of_index(index: UserIndex, found: BTreeEstimate) -> Measured:
    names = index.datname, index.schemaname, index.relname, index.indexrelname
    return Measured(_row(INDEX, names, index.size_bytes, found))


def _row(
    kind: str, names: tuple[str, str, str, str], size: int, found: HeapEstimate | BTreeEstimate
) -> BloatEstimate:
    return BloatEstimate(
        kind,
        *names,
        size_bytes=size,
        bloat_bytes=found.bloat_bytes,
        bloat_share=found.bloat_share,
        lowest_share=found.low,
        highest_share=min(1.0, found.high),
        is_sure=found.confidence is Confidence.high,
    )
