"""pg_stat_wal_receiver: a standby's connection to its upstream, and its replay."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from collectors._base import Collector, Lane, Metric, Role, Sample
from collectors._capabilities import READ_ALL_STATS

# There is a row even if no receiver runs. From the connection string only the application name is
# used, which libpq prints just before its fallback. Settings have a unit, as intervals do; those
# that may contain a password are only compared with ''.
QUERY = r"""
    select
        r.pid                                                               as pid,
        r.status                                                            as status,
        r.sender_host                                                       as upstream_host,
        r.sender_port                                                       as upstream_port,
        r.slot_name                                                         as slot_name,
        coalesce(
            substring(r.conninfo from '(?:^| )application_name=(.*?) fallback_application_name='),
            substring(r.conninfo from 'fallback_application_name=(.*?) (?:keep|tcp_|sslmode)')
        )                                                                   as application_name,
        (r.receive_start_lsn - '0/0')::int8                                 as receive_start_lsn,
        r.receive_start_tli                                                 as receive_start_tli,
        (r.written_lsn - '0/0')::int8                                       as written_lsn,
        (coalesce(r.flushed_lsn, pg_last_wal_receive_lsn()) - '0/0')::int8  as flushed_lsn,
        r.received_tli                                                      as received_tli,
        (r.latest_end_lsn - '0/0')::int8                                    as latest_end_lsn,
        extract(epoch from r.latest_end_time)::float8                       as latest_end_time,
        extract(epoch from r.last_msg_send_time)::float8                    as last_msg_send_time,
        extract(epoch from r.last_msg_receipt_time)::float8             as last_msg_receipt_time,
        extract(epoch from clock_timestamp() - r.last_msg_receipt_time)::float8
                                                                            as silent_seconds,
        case when r.pid is not null then extract(epoch from clock_timestamp()) end::float8
                                                                            as seen,
        case when pg_is_in_recovery() then pg_get_wal_replay_pause_state()
            else 'not paused' end                                           as pause_state,
        (pg_last_wal_replay_lsn() - '0/0')::int8                            as replay_lsn,
        extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8
                                                                            as up_seconds,
        extract(epoch from current_setting('recovery_min_apply_delay')::interval)::float8
                                                                            as apply_delay_seconds,
        extract(epoch from current_setting('wal_receiver_timeout')::interval)::float8
                                                                            as timeout_seconds,
        case when pg_has_role(current_user, 'pg_read_all_settings', 'usage')
            then current_setting('primary_conninfo') <> '' end              as has_upstream,
        current_setting('restore_command') <> ''                            as has_archive
    from (select) as always
    left join pg_catalog.pg_stat_wal_receiver r on true
"""


NOT_PAUSED = "not paused"


@dataclass(frozen=True, slots=True)
class WalReceiver:
    """A standby's WAL receiver and replay. Positions are bytes since the beginning of WAL."""

    pid: int | None
    """None while no receiver is connected, as are the following up to `seen`, but flushed_lsn."""
    status: str | None
    upstream_host: str | None
    upstream_port: int | None
    slot_name: str | None
    application_name: str | None
    """The application name that its upstream sees."""
    receive_start_lsn: int | None
    receive_start_tli: int | None
    written_lsn: int | None
    flushed_lsn: int | None
    received_tli: int | None
    latest_end_lsn: int | None
    """The end of upstream's WAL in its last message."""
    latest_end_time: float | None
    last_msg_send_time: float | None
    last_msg_receipt_time: float | None
    silent_seconds: float | None
    """Seconds since the last message; half of wal_receiver_timeout is normal on an idle primary."""
    seen: float | None
    """Current unix seconds while a receiver is connected; without one it does not change."""
    pause_state: str
    """'not paused', 'pause requested' or 'paused'."""
    replay_lsn: int | None
    up_seconds: float
    apply_delay_seconds: float
    """Configured delay of replay in seconds."""
    timeout_seconds: float
    """Seconds without a message after which the receiver gives up; 0: never."""
    has_upstream: bool | None
    """Whether primary_conninfo is set; without it, WAL comes only from an archive."""
    has_archive: bool

    @property
    def running_seconds(self) -> float | None:
        """The uptime while replay is not paused; while it is, that does not change."""
        return self.up_seconds if self.pause_state == NOT_PAUSED else None


LABELS = ("upstream_host", "slot_name", "status")


def _connected(
    name: str, kind: str, text: str, value: Callable[[WalReceiver], float | None]
) -> Metric[WalReceiver]:
    def samples(rows: Sequence[WalReceiver]) -> Iterator[Sample]:
        for row in rows:
            if row.pid is not None:
                yield (row.upstream_host, row.slot_name, row.status), value(row)

    return Metric(f"pg_stat_wal_receiver_{name}", kind, text, LABELS, samples)


def _repmgr_node(row: WalReceiver) -> int | None:
    number = (row.slot_name or "").removeprefix("repmgr_slot_")
    return int(number) if number != row.slot_name and number.isdecimal() else None


STATES = ("stopped", "starting", "streaming", "waiting", "restarting", "stopping")


def _state(row: WalReceiver) -> int:
    return STATES.index(row.status) if row.status in STATES else -1


wal_receiver = Collector(
    row=WalReceiver,
    lane=Lane.fast,
    sql={140000: QUERY},
    needs=(READ_ALL_STATS,),
    on=Role.standby,
    metrics=(
        _connected(
            "receive_start_lsn",
            "counter",
            "Position at which receiving started.",
            lambda row: row.receive_start_lsn,
        ),
        _connected(
            "receive_start_tli",
            "gauge",
            "Timeline on which receiving started.",
            lambda row: row.receive_start_tli,
        ),
        _connected(
            "flushed_lsn",
            "counter",
            "Position up to which WAL was received and flushed.",
            lambda row: row.flushed_lsn,
        ),
        _connected(
            "received_tli",
            "gauge",
            "Timeline of the last WAL received.",
            lambda row: row.received_tli,
        ),
        _connected(
            "last_msg_send_time",
            "counter",
            "When upstream sent its last message, by its clock, in unix seconds.",
            lambda row: row.last_msg_send_time,
        ),
        _connected(
            "last_msg_receipt_time",
            "counter",
            "When the last message of upstream was received, in unix seconds.",
            lambda row: row.last_msg_receipt_time,
        ),
        _connected(
            "latest_end_lsn",
            "counter",
            "The end of upstream's WAL in its last message.",
            lambda row: row.latest_end_lsn,
        ),
        _connected(
            "latest_end_time",
            "counter",
            "When that position was reported, in unix seconds.",
            lambda row: row.latest_end_time,
        ),
        _connected(
            "upstream_node",
            "gauge",
            "Number of the upstream node, from a slot named by repmgr.",
            _repmgr_node,
        ),
        replace(
            _connected(
                "status",
                "gauge",
                "0 stopped, 1 starting, 2 streaming, 3 waiting, 4 restarting, 5 stopping.",
                _state,
            ),
            legacy=True,
            note="From common user queries; its label has the state as text.",
        ),
        Metric(
            "pg_replication_replay_paused",
            "gauge",
            "Whether replay is paused, or a pause was requested.",
            (),
            lambda rows: (((), row.pause_state != NOT_PAUSED) for row in rows),
        ),
    ),
)
