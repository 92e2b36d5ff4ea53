"""Cost of a statement: totals over a window, and what is left of them for one call."""

from math import log
from typing import NamedTuple

from collectors.stat_statements import Statement


class Totals(NamedTuple):
    """Counters of a statement, since the statistics were reset."""

    calls: float
    seconds: float
    blocks: float
    rows: float
    temp_blocks: float
    read_seconds: float
    jit_seconds: float
    workers: float

    @classmethod
    def of(cls, row: Statement) -> "Totals":
        return cls(
            row.calls,
            row.seconds,
            row.shared_blocks_hit + row.shared_blocks_read,
            row.rows,
            row.temp_blocks_read + row.temp_blocks_written,
            row.block_read_seconds + row.block_write_seconds,
            row.jit_seconds or 0.0,
            row.workers_launched or 0.0,
        )

    def fell_below(self, older: "Totals") -> bool:
        """Whether a counter began anew in between."""
        return any(new < old for new, old in zip(self, older, strict=True))

    def per_call(self, older: "Totals") -> "PerCall":
        """Return the cost of one call since the older totals; there must have been calls."""
        calls = self.calls - older.calls
        grown = (new - old for new, old in zip(self[1:], older[1:], strict=True))
        return PerCall(calls, *(one / calls for one in grown))


class PerCall(NamedTuple):
    """Mean cost of a call in one window, or the usual one of many windows."""

    calls: float
    seconds: float
    blocks: float
    """Of tables and indexes, in shared buffers or not."""
    rows: float
    temp_blocks: float
    read_seconds: float
    """Waiting for blocks from outside; 0 while track_io_timing is off."""
    jit_seconds: float
    """0 also where the extension does not count it."""
    workers: float
    """Parallel workers that were started; 0 also where the extension does not count them."""


METRICS = ("seconds", "blocks", "rows", "temp_blocks")
"""What is compared."""
LEAST = {"seconds": 1e-6, "blocks": 1.0, "rows": 0.1, "temp_blocks": 1.0}
"""Amounts that don't differ noticeably from nothing."""


def scaled(metric: str, value: float) -> float:
    """Return the logarithm, in which a factor is a difference; nothing is 0."""
    return log(1.0 + max(0.0, value) / LEAST[metric])


def factor(metric: str, before: float, after: float) -> float:
    """Return how many times as much it is; amounts near nothing are equal."""
    least = LEAST[metric]
    return (max(0.0, after) + least) / (max(0.0, before) + least)
