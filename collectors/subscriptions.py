"""pg_stat_subscription and pg_stat_subscription_stats: workers and errors of subscriptions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Bound, Collector, Lane, Metric, Sample, counter, gauge

# A subscription without a worker has a row too. The apply worker is the one that neither copies a
# table nor is a parallel worker.
QUERY = """
    select
        s.oid                                                               as subid,
        d.datname::text                                                     as datname,
        s.subname::text                                                     as subname,
        s.subenabled                                                        as enabled,
        s.subslotname::text                                                 as slot_name,
        a.pid                                                               as pid,
        (
            select count(*) from pg_catalog.pg_stat_subscription w
            where w.subid = s.oid and w.relid is not null
        )                                                                   as sync_workers,
        (a.received_lsn - '0/0')::int8                                      as received_lsn,
        (a.latest_end_lsn - '0/0')::int8                                    as latest_end_lsn,
        extract(epoch from a.last_msg_receipt_time)::float8             as last_msg_receipt_time,
        extract(epoch from clock_timestamp() - a.last_msg_receipt_time)::float8
                                                                            as silent_seconds,
        {errors}
    from pg_catalog.pg_subscription s
    join pg_catalog.pg_database d on d.oid = s.subdbid
    left join pg_catalog.pg_stat_subscription a
        on a.subid = s.oid and a.pid is not null and a.relid is null {leader}
    {stats}
"""
STATS = "left join pg_catalog.pg_stat_subscription_stats e on e.subid = s.oid"
CONFLICTS = (
    "insert_exists",
    "update_origin_differs",
    "update_exists",
    "update_missing",
    "delete_origin_differs",
    "delete_missing",
    "multiple_unique_conflicts",
)


def query(version: int) -> str:
    known = {
        "disable_on_error": ("s.subdisableonerr", 15),
        "apply_errors": ("e.apply_error_count", 15),
        "sync_errors": ("e.sync_error_count", 15),
        "stats_reset": ("extract(epoch from e.stats_reset)::float8", 15),
        **{name: (f"e.confl_{name}", 18) for name in CONFLICTS},
    }
    errors = [
        f"{column if version >= since else absent(name)} as {name}"
        for name, (column, since) in known.items()
    ]
    return QUERY.format(
        errors=",\n        ".join(errors),
        leader="and a.leader_pid is null" if version >= 16 else "",
        stats=STATS if version >= 15 else "",
    )


def absent(name: str) -> str:
    kinds = {"stats_reset": "float8", "disable_on_error": "bool"}
    return f"null::{kinds.get(name, 'int8')}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription and its apply worker. Positions are bytes of the publisher's WAL."""

    subid: int
    datname: str
    subname: str
    enabled: bool
    slot_name: str | None
    """Its slot on the publisher; None if it is detached from it."""
    pid: int | None
    """Pid of the apply worker; None while there is none."""
    sync_workers: int
    """Number of workers for the initial copy of tables."""
    received_lsn: int | None
    latest_end_lsn: int | None
    """The last position reported to the publisher."""
    last_msg_receipt_time: float | None
    silent_seconds: float | None
    apply_errors: int | None
    """Since 15."""
    sync_errors: int | None
    stats_reset: float | None
    insert_exists: int | None
    """Conflicts by kind, since 18."""
    update_origin_differs: int | None
    update_exists: int | None
    update_missing: int | None
    delete_origin_differs: int | None
    delete_missing: int | None
    multiple_unique_conflicts: int | None
    disable_on_error: bool | None = None
    """Since 15."""

    @property
    def name(self) -> str:
        return f"{self.datname}: {self.subname}"


LABELS = ("datname", "subname")


def conflicts(rows: Sequence[Subscription]) -> Iterator[Sample]:
    for row in rows:
        for kind in CONFLICTS:
            yield (row.datname, row.subname, kind), getattr(row, kind)


def errors(kind: str, text: str) -> Metric[Subscription]:
    name = f"pg_stat_subscription_{kind}_errors_total"
    metric: Metric[Subscription] = counter(name, text, attrgetter(f"{kind}_errors"), LABELS)
    return metric.from_version(15)


subscriptions = Collector(
    row=Subscription,
    lane=Lane.normal,
    sql={version * 10000: query(version) for version in (14, 15, 16, 18)},
    key=LABELS,
    counters=("apply_errors", "sync_errors", *CONFLICTS),
    epoch="stats_reset",
    bound=Bound(rank="silent_seconds", top=100),
    metrics=(
        gauge(
            "pg_stat_subscription_enabled",
            "Whether the subscription is enabled.",
            attrgetter("enabled"),
            LABELS,
        ),
        gauge(
            "pg_stat_subscription_up",
            "Whether an apply worker is running.",
            lambda row: row.pid is not None,
            LABELS,
        ),
        gauge(
            "pg_stat_subscription_sync_workers",
            "Workers for the initial copy of tables.",
            attrgetter("sync_workers"),
            LABELS,
            additive=True,
        ),
        gauge(
            "pg_stat_subscription_received_lsn_bytes",
            "The received position.",
            attrgetter("received_lsn"),
            LABELS,
        ),
        gauge(
            "pg_stat_subscription_latest_end_lsn_bytes",
            "The position reported to the publisher.",
            attrgetter("latest_end_lsn"),
            LABELS,
        ),
        gauge(
            "pg_stat_subscription_last_msg_receipt_timestamp_seconds",
            "When the last message of the publisher was received.",
            attrgetter("last_msg_receipt_time"),
            LABELS,
        ),
        errors("apply", "Errors while applying changes."),
        errors("sync", "Errors during the initial copy of tables."),
        Metric(
            "pg_stat_subscription_conflicts_total",
            "counter",
            "Conflicts of received changes with local rows.",
            (*LABELS, "conflict"),
            conflicts,
            since=18,
        ),
    ),
)
