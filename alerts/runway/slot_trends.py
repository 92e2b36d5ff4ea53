"""Trend of the WAL that each replication slot keeps."""

from collections.abc import Iterator

from alerts.runway.trends import Point, Trends
from collectors._base import AnyAnswer
from collectors.replication_slots import replication_slots


def _slots(answer: AnyAnswer) -> Iterator[Point]:
    for row in answer.rows:
        if row.retained_bytes is not None and not row.temporary:
            yield Point(row.slot_name, row.retained_bytes)


RETAINED = Trends(replication_slots, "slot_wal", _slots, is_kept=False)
"""Kept in RAM alone: what an hour shows is all that matters of it."""
