"""Tables whose updates are frequent and rarely HOT: they write to every index of the table."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts.limits import FIXED, BaseLimits, Slack
from alerts.units import Duration, Share
from collectors._columns import column, where
from collectors.index_layout import IndexLayout


@dataclass(frozen=True, slots=True)
class RarelyHot(BaseLimits):
    min_rate: Annotated[float, Slack(0.9)] = 1000 / 60
    """Updates of the table per second, since the statistics began."""
    min_age: Annotated[Duration, FIXED] = timedelta(days=1)
    """Age of the statistics."""
    max_hot_share: Annotated[Share, Slack(1.1)] = 0.3
    """Share of updates that write to no index (HOT), from which it is fine."""


def rarely_hot(
    rows: Sequence[IndexLayout], at: float, limits: RarelyHot
) -> Iterator[list[IndexLayout]]:
    """Yield the indexes of each table that is often updated, and rarely HOT."""
    names = ("datname", "relid", "n_tup_upd", "n_tup_hot_upd", "stats_reset")
    suspects = set()
    for *table, updates, hot, reset in zip(*(column(rows, name) for name in names), strict=True):
        age = at - (reset or at)
        often = age >= limits.min_age.total_seconds() and updates >= limits.min_rate * age
        if often and hot < limits.max_hot_share * updates:
            suspects.add(tuple(table))
    groups = defaultdict[tuple[str, int], list[IndexLayout]](list)
    for row in where(rows, "relid", {relid for _, relid in suspects}):
        if (row.datname, row.relid) in suspects:
            groups[row.datname, row.relid].append(row)
    yield from groups.values()
