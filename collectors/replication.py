"""pg_stat_replication: walsenders, and the position of each receiver."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, gauge
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# A standby forwards the WAL that it received. Replay may be ahead of receiving, if WAL comes from
# an archive. pg_current_wal_lsn() raises an error on a standby, hence the CASE; a server can't
# re-enter recovery within a statement.
QUERY = """
    select
        r.pid                                                           as pid,
        {usename}                                                       as usename,
        a.application_name                                              as application_name,
        host(a.client_addr)                                             as client_addr,
        s.slot_name::text                                               as slot_name,
        s.slot_type                                                     as slot_type,
        a.backend_start::text                                           as backend_start_text,
        r.state                                                         as state,
        r.sync_state                                                    as sync_state,
        (case when pg_is_in_recovery()
            then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else pg_current_wal_lsn()
        end - '0/0')::int8                                              as current_lsn,
        (r.sent_lsn - '0/0')::int8                                      as sent_lsn,
        (r.write_lsn - '0/0')::int8                                     as write_lsn,
        (r.flush_lsn - '0/0')::int8                                     as flush_lsn,
        (r.replay_lsn - '0/0')::int8                                    as replay_lsn,
        extract(epoch from r.write_lag)::float8                         as write_lag_seconds,
        extract(epoch from r.flush_lag)::float8                         as flush_lag_seconds,
        extract(epoch from r.replay_lag)::float8                        as replay_lag_seconds,
        extract(epoch from r.reply_time)::float8                        as reply_time,
        extract(epoch from clock_timestamp() - r.reply_time)::float8    as silent_seconds,
        extract(epoch from clock_timestamp() - a.backend_start)::float8 as connected_seconds
    from {walsenders} r
    join {sessions} a on a.pid = r.pid
    left join {slots} s on s.active_pid = r.pid
"""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A walsender and its receiver. Positions are bytes since the beginning of WAL."""

    pid: int
    usename: str | None
    application_name: str | None
    client_addr: str | None
    """None over a Unix socket."""
    slot_name: str | None
    slot_type: str | None
    backend_start_text: str | None
    state: str | None
    """startup, catchup, streaming, backup or stopping."""
    sync_state: str | None
    current_lsn: int | None
    """The end of this server's own WAL at that moment."""
    sent_lsn: int | None
    write_lsn: int | None
    flush_lsn: int | None
    replay_lsn: int | None
    """None for receivers that store WAL without replaying it."""
    write_lag_seconds: float | None
    flush_lag_seconds: float | None
    replay_lag_seconds: float | None
    """None also if everything is replayed and the server is idle: it is measured from new WAL."""
    reply_time: float | None
    """Unix seconds, by the receiver's clock."""
    silent_seconds: float | None
    """Seconds since the receiver's last reply."""
    connected_seconds: float | None
    """Seconds since its walsender was started, by this server's clock."""

    @property
    def name(self) -> str:
        """Name of the receiver: its application_name, unless that is the default."""
        own = self.application_name if self.application_name != "walreceiver" else None
        return own or self.slot_name or self.client_addr or "walreceiver"

    @property
    def position(self) -> int | None:
        """Position that the receiver has replayed, or written if it does not replay."""
        return self.write_lsn if self.replay_lsn is None else self.replay_lsn

    @property
    def subscriber(self) -> str | None:
        """Its name, if it applies what it receives; None of backups and of archives of WAL."""
        applies = self.replay_lsn is not None or self.slot_type == "logical"
        return self.name if applies else None

    @property
    def has_received(self) -> bool:
        """Whether a standby has written most of the WAL that it has not replayed yet."""
        left = self.behind(self.replay_lsn)
        if left is None or self.slot_type == "logical":
            return False
        return (self.behind(self.flush_lsn) or 0) * 2 < left

    def behind(self, lsn: int | None) -> int | None:
        """Bytes between that position and the end of WAL; both are read at different moments."""
        if lsn is None or self.current_lsn is None:
            return None
        return max(0, self.current_lsn - lsn)


LABELS = ("application_name", "client_addr", "state", "slot_name", "pid")
behind: Metric[Receiver] = gauge(
    "pg_stat_replication_pg_wal_lsn_diff",
    "Bytes between the replayed position and the end of this server's WAL.",
    lambda row: row.behind(row.replay_lsn),
    LABELS,
)
reply: Metric[Receiver] = gauge(
    "pg_stat_replication_reply_timestamp_seconds",
    "When the receiver last replied, by its clock.",
    lambda row: row.reply_time,
    LABELS,
)

replication = Collector(
    row=Receiver,
    lane=Lane.normal,
    sql={140000: without_tables(QUERY)},
    key=("pid", "backend_start_text"),
    needs=(READ_ALL_STATS,),
    metrics=(
        gauge(
            "pg_stat_replication_pg_current_wal_lsn_bytes",
            "The end of this server's WAL.",
            lambda row: row.current_lsn,
            LABELS,
        ),
        behind,
        behind.also("pg_stat_replication_pg_xlog_location_diff"),
        gauge(
            "pg_stat_replication_sent_lag_bytes",
            "Bytes that are not sent yet.",
            lambda row: row.behind(row.sent_lsn),
            LABELS,
        ),
        gauge(
            "pg_stat_replication_write_lag_bytes",
            "Bytes that are not written there yet.",
            lambda row: row.behind(row.write_lsn),
            LABELS,
        ),
        gauge(
            "pg_stat_replication_flush_lag_bytes",
            "Bytes that are not flushed there yet.",
            lambda row: row.behind(row.flush_lsn),
            LABELS,
        ),
        gauge(
            "pg_stat_replication_write_lag_seconds",
            "How long recent WAL took until it was written there; absent while none flows.",
            lambda row: row.write_lag_seconds,
            LABELS,
        ),
        gauge(
            "pg_stat_replication_flush_lag_seconds",
            "How long recent WAL took until it was flushed there; absent while none flows.",
            lambda row: row.flush_lag_seconds,
            LABELS,
        ),
        gauge(
            "pg_stat_replication_replay_lag_seconds",
            "How long recent WAL took until it was replayed there; absent while none flows.",
            lambda row: row.replay_lag_seconds,
            LABELS,
        ),
        reply,
        reply.also("pg_stat_replication_reply_time"),
    ),
)
