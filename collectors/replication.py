"""pg_stat_replication: who receives our WAL, and how far each of them is."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, gauge
from collectors._capabilities import READ_ALL_STATS

# A standby sends on what it received. Replay runs beside receiving, from an archive even ahead
# of it. pg_current_wal_lsn() raises there, hence CASE; recovery never comes back in a statement.
QUERY = """
    select
        r.pid                                                           as pid,
        r.usename::text                                                 as usename,
        r.application_name                                              as application_name,
        host(r.client_addr)                                             as client_addr,
        s.slot_name::text                                               as slot_name,
        s.slot_type                                                     as slot_type,
        r.backend_start::text                                           as backend_start_text,
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
        extract(epoch from clock_timestamp() - r.reply_time)::float8    as silent_seconds
    from pg_catalog.pg_stat_replication r
    left join pg_catalog.pg_replication_slots s on s.active_pid = r.pid
"""


@dataclass(frozen=True, slots=True)
class Receiver:
    """One walsender and who is behind it. Positions are bytes since the beginning of all WAL."""

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
    """The end of our own WAL at that moment."""
    sent_lsn: int | None
    write_lsn: int | None
    flush_lsn: int | None
    replay_lsn: int | None
    """None for receivers that keep WAL without replaying it."""
    write_lag_seconds: float | None
    flush_lag_seconds: float | None
    replay_lag_seconds: float | None
    """None also when all is replayed and the server idle: it is measured while WAL flows."""
    reply_time: float | None
    """Unix seconds, by the receiver's clock."""
    silent_seconds: float | None
    """How long the receiver has not replied."""

    @property
    def name(self) -> str:
        """What people call it: the name it gives itself, unless that is everybody's."""
        own = self.application_name if self.application_name != "walreceiver" else None
        return own or self.slot_name or self.client_addr or "walreceiver"

    @property
    def position(self) -> int | None:
        """How far it is; those that do not replay only write."""
        return self.write_lsn if self.replay_lsn is None else self.replay_lsn

    def behind(self, lsn: int | None) -> int | None:
        """Bytes from there to the end of our WAL; the two are not read in the same instant."""
        if lsn is None or self.current_lsn is None:
            return None
        return max(0, self.current_lsn - lsn)


LABELS = ("application_name", "client_addr", "state", "slot_name", "pid")
behind: Metric[Receiver] = gauge(
    "pg_stat_replication_pg_wal_lsn_diff",
    "Bytes from what was replayed to the end of this server's WAL.",
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
    sql={140000: QUERY},
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
            "Bytes that were not sent yet.",
            lambda row: row.behind(row.sent_lsn),
            LABELS,
        ),
        gauge(
            "pg_stat_replication_write_lag_bytes",
            "Bytes that were not written there yet.",
            lambda row: row.behind(row.write_lsn),
            LABELS,
        ),
        gauge(
            "pg_stat_replication_flush_lag_bytes",
            "Bytes that were not flushed there yet.",
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
