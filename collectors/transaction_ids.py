"""pg_current_snapshot: how fast transaction ids are used up, and how old the oldest in use is."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, counter, gauge

# 64 bits wide, so neither ever wraps around. A standby knows them too, from what it replays.
QUERY = """
    select
        pg_snapshot_xmax(now)::text::int8   as next_xid,
        pg_snapshot_xmin(now)::text::int8   as oldest_xid
    from pg_current_snapshot() as now
"""


@dataclass(frozen=True, slots=True)
class TransactionIds:
    """The one row of a server."""

    next_xid: int
    """The first one that no transaction had yet."""
    oldest_xid: int
    """Of the oldest transaction that is still running; the next one, where none is."""

    @property
    def oldest_age(self) -> int:
        return self.next_xid - self.oldest_xid


assigned: Metric[TransactionIds] = counter(
    "pg_transaction_ids_assigned_total",
    "Transactions that changed something, since the cluster was made.",
    lambda row: row.next_xid,
)
oldest: Metric[TransactionIds] = gauge(
    "pg_transaction_ids_oldest_running_age",
    "Transactions begun since the oldest one that is still running.",
    lambda row: row.oldest_age,
)

transaction_ids = Collector(
    row=TransactionIds,
    lane=Lane.normal,
    sql={140000: QUERY},
    metrics=(
        assigned,
        assigned.also("pg_txid_current"),
        oldest,
        oldest.also("pg_txid_xmin_age"),
    ),
)
