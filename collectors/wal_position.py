"""WAL position of the server: written on a primary, replayed on a standby."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectors._base import Collector, Gate, Lane, Metric, gauge
from collectors.activity import Session, activity

# One row in either role. CASE avoids the functions that raise an error in the other role; a server
# can't re-enter recovery within a statement. Subtracting '0/0' turns a position into bytes.
QUERY = """
    select
        here.in_recovery                                                as in_recovery,
        (case when here.in_recovery
            then greatest(r.latest_end_lsn, pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else pg_current_wal_lsn()
        end - '0/0')::int8                                              as lsn,
        (case when here.in_recovery then pg_last_wal_replay_lsn() end - '0/0')::int8 as replay_lsn,
        case when here.in_recovery then r.received_tli
            else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4
        end                                                             as timeline,
        case when not here.in_recovery then
            pg_snapshot_xmax(pg_current_snapshot())::text::int8
        end                                                             as next_xid,
        r.pid is not null                                               as receiving,
        case when here.in_recovery then
            extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())
        end::float8                                                     as replayed_xact_seconds,
        extract(epoch from clock_timestamp() - r.last_msg_receipt_time)::float8
                                                                        as silent_seconds,
        extract(epoch from current_setting('wal_receiver_timeout')::interval)::float8
                                                                        as timeout_seconds
    from (select pg_is_in_recovery() as in_recovery) as here
    left join pg_catalog.pg_stat_wal_receiver r on true
"""
REPLICATING = {"walsender", "startup", None}
"""Types of processes that send WAL or replay it; None: not told."""
SILENT = 60.0
"""Seconds without a message after which a link without a timeout is not known to live."""


@dataclass(frozen=True, slots=True)
class WalPosition:
    """WAL position of a server. Positions are bytes since the beginning of WAL."""

    in_recovery: bool
    lsn: int | None
    """The newest known position: its own, or the newest received from or reported by upstream."""
    replay_lsn: int | None
    """None on a primary."""
    timeline: int | None
    """None on a standby that is not receiving, or without the privilege."""
    receiving: bool
    """Whether a WAL receiver is connected."""
    replayed_xact_seconds: float | None
    """Seconds since the commit of the last replayed transaction, by the primary's clock."""
    silent_seconds: float | None = None
    """Seconds since the last message from upstream; None while no WAL receiver is connected."""
    next_xid: int | None = None
    """The id after that of the newest transaction that has ended; None on a standby. An idle
    primary writes WAL too, but ends no transaction that has an id."""
    timeout_seconds: float = 60.0
    """Seconds without a message after which the receiver gives up; 0: never."""

    @property
    def asks_after_seconds(self) -> float:
        """Seconds of silence after which the receiver asks upstream for a message."""
        return self.timeout_seconds / 2 or SILENT

    @property
    def unreplayed_bytes(self) -> int | None:
        """Bytes of known WAL that is not replayed yet; None on a primary."""
        if self.lsn is None or self.replay_lsn is None:
            return None
        return self.lsn - self.replay_lsn


is_replica: Metric[WalPosition] = gauge(
    "pg_replication_is_replica",
    "Whether the server is a standby.",
    lambda row: row.in_recovery,
)

position: Metric[WalPosition] = gauge(
    "pg_replication_wal_lsn_bytes",
    "The newest WAL position that the server knows of.",
    lambda row: row.lsn,
)


def is_replicated(sessions: Sequence[Session]) -> bool:
    """Whether the server sends WAL to a standby or replays it itself, as far as that is told."""
    return any(one.backend_type in REPLICATING for one in sessions)


wal_position = Collector(
    row=WalPosition,
    lane=Lane.fast,
    sql={140000: QUERY},
    haste=Gate(activity, is_replicated),
    metrics=(
        is_replica,
        is_replica.also("pg_replication_is_in_recovery"),
        is_replica.also("pg_is_in_recovery"),
        gauge(
            "pg_replication_last_replay_seconds",
            "Age of the last replayed transaction; it grows while the primary is idle.",
            lambda row: row.replayed_xact_seconds,
            note="Absent, not 0, on a primary.",
        ),
        position,
        position.also("pg_xlog_location_bytes"),
        position.also("pg_xlog_position_bytes"),
        gauge(
            "pg_replication_replay_lsn_bytes",
            "Position that a standby has replayed.",
            lambda row: row.replay_lsn,
        ),
    ),
)
