"""Trend of sequences: how many values each has given out."""

from collections.abc import Iterator
from heapq import nlargest

from alerts.runway.trends import Point, Trends
from collectors._base import AnyAnswer
from collectors.sequences import Sequence, sequences

FOLLOWED = 60
"""Sequences of a server whose pace is known: those that have used the largest share."""
LEAST_USED = 0.01
"""Used share from which on a sequence is followed."""
ENDLESS = 2**53
"""Limits beyond that are never reached, so such a sequence need not be read."""


def key_of(row: Sequence) -> str:
    return f"{row.datname}.{row.relid}"


def may_end(row: Sequence) -> bool:
    """Whether counting gets to its last value some day."""
    return abs(row.last_possible) < ENDLESS


def wraps_in_peace(row: Sequence) -> bool:
    """Return True if it cycles before a column is full, as it was made to."""
    limit = row.max_value if row.increment > 0 else row.min_value
    return row.cycles and row.last_possible == limit


def _given_out(answer: AnyAnswer) -> Iterator[Point]:
    used = ((row.used_ratio or 0.0, n, row) for n, row in enumerate(answer.rows))
    for share, _, row in nlargest(FOLLOWED, (one for one in used if one[0] >= LEAST_USED)):
        if share < 1 and row.last_value is not None:
            value = row.last_value if row.increment > 0 else -row.last_value
            yield Point(key_of(row), value, f"{row.increment}/{row.last_possible}")


GIVEN_OUT = Trends(sequences, "sequences", _given_out, only_grows=True, every=240)
