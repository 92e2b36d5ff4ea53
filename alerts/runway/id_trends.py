"""Trends of transaction IDs and multixact IDs: their pace, and the age of the oldest ones."""

from collections.abc import Iterator

from alerts.runway.trends import Point, Trends
from collectors._base import AnyAnswer
from collectors.databases import databases
from collectors.multixacts import multixacts
from collectors.transaction_ids import transaction_ids


def _next_xid(answer: AnyAnswer) -> Iterator[Point]:
    return (Point("", row.next_xid) for row in answer.rows)


def _next_mxid(answer: AnyAnswer) -> Iterator[Point]:
    return (Point("", row.next_mxid) for row in answer.rows)


def _oldest(answer: AnyAnswer) -> Iterator[Point]:
    if answer.rows:
        yield Point("xid", max(row.frozen_xid_age for row in answer.rows))
        yield Point("mxid", max(row.min_mxid_age for row in answer.rows))


ASSIGNED_XIDS = Trends(transaction_ids, "xids", _next_xid, only_grows=True)
ASSIGNED_MXIDS = Trends(multixacts, "mxids", _next_mxid, only_grows=True)
OLDEST_AGES = Trends(databases, "ages", _oldest, every=50)
"""Of the oldest database, with the keys `xid` and `mxid`."""
