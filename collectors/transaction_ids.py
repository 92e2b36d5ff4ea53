"""pg_current_snapshot: consumption of transaction IDs, and the oldest running transaction."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, counter, gauge

# 64-bit IDs, so they never wrap around. A standby knows them from replayed WAL.
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
    """The next ID to be assigned."""
    oldest_xid: int
    """Of the oldest transaction that is still running; the next one, where none is."""

    @property
    def oldest_age(self) -> int:
        return self.next_xid - self.oldest_xid


assigned: Metric[TransactionIds] = counter(
    "pg_transaction_ids_assigned_total",
    "Transaction IDs assigned since the cluster was created.",
    lambda row: row.next_xid,
)
oldest: Metric[TransactionIds] = gauge(
    "pg_transaction_ids_oldest_running_age",
    "Transaction IDs assigned since the oldest running transaction.",
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
