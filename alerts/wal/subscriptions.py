"""Subscriptions: names and checks that findings about them share."""

from alerts.cure import equals, literal
from collectors.subscriptions import Subscription


def check(row: Subscription) -> str:
    return (
        "SELECT s.subname, s.subenabled, w.pid, w.last_msg_receipt_time FROM"
        " pg_catalog.pg_subscription s LEFT JOIN pg_catalog.pg_stat_subscription w ON"
        f" {equals('w.subname', 's.subname')} AND w.relid IS NULL"
        f" WHERE {equals('s.subname', literal(row.subname))};"
    )


def kept_there(row: Subscription) -> str:
    """Return what its absence costs on the publisher."""
    slot = row.slot_name or row.subname
    return f"its slot {slot} on the publisher keeps WAL until it goes on"
