"""Keys that an application counts up itself, told from those that only look as high.

Random keys, hashes and codes are near the end of their type from the first day, and inserts go on
for ever. So the largest value is a wall only where keys are given out one after the other: in the
order of rows, with most values of the range in use, and with nothing that stands far beyond the
rest. A counter that leaves out most values looks like random keys that were loaded in order, and
is not told: a false alarm is worse.
"""

from collections.abc import Iterator, Sequence

from collectors._columns import column, where
from collectors.integer_keys import IntegerKey
from collectors.sequences import LARGEST

LEAST_CORRELATION = 0.9
LEAST_DENSITY = 0.5
"""Rows for each value between the smallest and the largest."""
LEAST_BOUNDS = 10
"""With fewer, a single value beyond the rest can't be told."""
WIDEST_STEP = 4
"""The last part of the histogram, in parts of mean width: a wider one ends in a value that was
chosen, such as 32767 for "unknown"."""
CLOCK = 86_400
"""Seconds. Keys so near to the time of ANALYZE are times, and end in 2038."""
LEAST_ROWS = 0.01
"""Rows of a table, as a share of the values of its type, from which it may have a counter near its
end. Below, a table that must not be read is most likely a short list of codes."""


def used_ratio(row: IntegerKey) -> float:
    return (row.largest or 0) / LARGEST[row.column_type]


def counters(rows: Sequence[IntegerKey], least_used: float) -> Iterator[IntegerKey]:
    """Yield counters that have used that share of their type."""
    facts = zip(
        column(rows, "relid"), column(rows, "largest"), column(rows, "column_type"), strict=True
    )
    high = {relid for relid, end, kind in facts if end and end >= least_used * LARGEST[kind]}
    for row in where(rows, "relid", high):
        if used_ratio(row) >= least_used and is_counter(row):
            yield row


def is_counter(row: IntegerKey) -> bool:
    smallest, last = row.smallest or 0, row.largest or 0
    bounds, width = row.bounds or 0, last - smallest
    if smallest < 0 or bounds < LEAST_BOUNDS:
        return False
    return (
        (row.correlation or 0.0) >= LEAST_CORRELATION
        and (row.reltuples or 0.0) >= LEAST_DENSITY * (width + 1)
        and last - (row.next_to_largest or 0) <= WIDEST_STEP * width / (bounds - 1)
        and (row.last_analyze is None or abs(last - row.last_analyze) > CLOCK)
    )


def hidden(rows: Sequence[IntegerKey]) -> Iterator[IntegerKey]:
    """Yield keys of tables with many rows that pgvigil may not read, or ANALYZE has not read."""
    facts = zip(
        column(rows, "relid"),
        column(rows, "largest"),
        column(rows, "reltuples"),
        column(rows, "inserted_rows"),
        column(rows, "column_type"),
        strict=True,
    )
    unknown = {
        relid
        for relid, largest, stored, inserted, kind in facts
        if largest is None and is_large(stored, inserted, kind)
    }
    for row in where(rows, "relid", unknown):
        is_unknown = row.largest is None
        if is_unknown and is_large(row.reltuples, row.inserted_rows, row.column_type):
            yield row


def is_large(stored: float | None, inserted: int, kind: str) -> bool:
    return max(stored or 0, inserted) >= LEAST_ROWS * LARGEST[kind]
