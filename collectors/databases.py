"""pg_stat_database and pg_database: activity, limits and transaction age of each database."""

from dataclasses import dataclass, replace
from operator import attrgetter

from collectors._base import Collector, Lane, Metric, counter, gauge

QUERY = """
    select
        d.oid::int8                                     as oid,
        d.datname::text                                 as datname,
        d.datconnlimit                                  as connection_limit,
        d.datallowconn                                  as allows_connections,
        d.datistemplate                                 as is_template,
        age(d.datfrozenxid)::int8                       as frozen_xid_age,
        mxid_age(d.datminmxid)::int8                    as min_mxid_age,
        s.numbackends,
        s.xact_commit,
        s.xact_rollback,
        s.blks_read,
        s.blks_hit,
        s.tup_returned,
        s.tup_fetched,
        s.tup_inserted,
        s.tup_updated,
        s.tup_deleted,
        s.conflicts,
        s.temp_files,
        s.temp_bytes,
        s.deadlocks,
        s.checksum_failures,
        extract(epoch from s.checksum_last_failure)::float8 as checksum_last_failure,
        s.blk_read_time                                 as blk_read_milliseconds,
        s.blk_write_time                                as blk_write_milliseconds,
        s.session_time / 1000                           as session_seconds,
        s.active_time / 1000                            as active_seconds,
        s.idle_in_transaction_time / 1000               as idle_in_transaction_seconds,
        s.sessions,
        s.sessions_abandoned,
        s.sessions_fatal,
        s.sessions_killed,
        extract(epoch from s.stats_reset)::float8       as stats_reset
    from pg_catalog.pg_database d
    left join pg_catalog.pg_stat_database s on s.datid = d.oid
"""

WRITABLE = 2**31 - 1 - 3_000_000
"""IDs that can be assigned before the server refuses writes, to prevent wraparound."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database; counters since its statistics were last reset."""

    oid: int
    datname: str
    connection_limit: int
    """-1: no limit; -2: the database is half dropped and unusable."""
    allows_connections: bool
    is_template: bool
    frozen_xid_age: int
    """Transactions since the oldest one that is not frozen."""
    min_mxid_age: int
    numbackends: int | None
    xact_commit: int | None
    xact_rollback: int | None
    blks_read: int | None
    blks_hit: int | None
    tup_returned: int | None
    tup_fetched: int | None
    tup_inserted: int | None
    tup_updated: int | None
    tup_deleted: int | None
    conflicts: int | None
    temp_files: int | None
    temp_bytes: int | None
    deadlocks: int | None
    checksum_failures: int | None
    """None if data checksums are off."""
    checksum_last_failure: float | None
    """Unix seconds."""
    blk_read_milliseconds: float | None
    """0 while track_io_timing is off."""
    blk_write_milliseconds: float | None
    session_seconds: float | None
    active_seconds: float | None
    idle_in_transaction_seconds: float | None
    sessions: int | None
    sessions_abandoned: int | None
    sessions_fatal: int | None
    sessions_killed: int | None
    stats_reset: float | None
    """Unix seconds; None: never reset."""

    @property
    def remaining_xids(self) -> int | None:
        """Transactions left until writes are refused."""
        return remaining(self.frozen_xid_age)

    @property
    def remaining_mxids(self) -> int | None:
        return remaining(self.min_mxid_age)

    @property
    def datid(self) -> str:
        return str(self.oid)


def remaining(age: int | None) -> int | None:
    return None if age is None else max(0, WRITABLE - age)


COUNTERS = (
    "xact_commit",
    "xact_rollback",
    "blks_read",
    "blks_hit",
    "tup_returned",
    "tup_fetched",
    "tup_inserted",
    "tup_updated",
    "tup_deleted",
    "conflicts",
    "temp_files",
    "temp_bytes",
    "deadlocks",
)
LABELS = ("datid", "datname")


def total(name: str, text: str, attribute: str) -> Metric[Database]:
    return counter(name, text, attrgetter(attribute), LABELS)


def spelt_with_total(known: Metric[Database]) -> Metric[Database]:
    """Return a counter under the name that OpenMetrics gives it, for rules that use that one."""
    also = known.also(f"{known.name}_total")
    return replace(also, note=f"The same as `{known.name}`, as OpenMetrics spells a counter.")


def fact(name: str, text: str, attribute: str = "") -> Metric[Database]:
    return gauge(f"pg_database_{name}", text, attrgetter(attribute or name), ("datname",))


of_pg_stat_database = (
    *(
        total(f"pg_stat_database_{column}", f"{column} of pg_stat_database.", column)
        for column in COUNTERS
    ),
    total(
        "pg_stat_database_blk_read_time",
        "Milliseconds spent reading blocks.",
        "blk_read_milliseconds",
    ),
    total(
        "pg_stat_database_blk_write_time",
        "Milliseconds spent writing blocks.",
        "blk_write_milliseconds",
    ),
)

databases = Collector(
    row=Database,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("datname",),
    counters=COUNTERS,
    epoch="stats_reset",
    metrics=(
        gauge(
            "pg_stat_database_numbackends",
            "Sessions in this database.",
            lambda row: row.numbackends,
            LABELS,
        ),
        *of_pg_stat_database,
        *map(spelt_with_total, of_pg_stat_database),
        total(
            "pg_stat_database_active_time_seconds_total",
            "Seconds spent executing statements.",
            "active_seconds",
        ),
        total(
            "pg_stat_database_session_time_seconds_total",
            "Seconds that sessions were connected.",
            "session_seconds",
        ),
        total(
            "pg_stat_database_idle_in_transaction_time_seconds_total",
            "Seconds that sessions were idle in a transaction.",
            "idle_in_transaction_seconds",
        ),
        total("pg_stat_database_sessions_total", "Sessions that were established.", "sessions"),
        total(
            "pg_stat_database_sessions_abandoned_total",
            "Sessions that ended because the client was lost.",
            "sessions_abandoned",
        ),
        total(
            "pg_stat_database_sessions_fatal_total",
            "Sessions that ended with a fatal error.",
            "sessions_fatal",
        ),
        total(
            "pg_stat_database_sessions_killed_total",
            "Sessions that were terminated.",
            "sessions_killed",
        ),
        total(
            "pg_stat_database_checksum_failures_total",
            "Pages whose checksum was wrong.",
            "checksum_failures",
        ),
        total(
            "pg_stat_database_stats_reset",
            "When the statistics were last reset, in unix seconds.",
            "stats_reset",
        ),
        Metric(
            "postgresql_errors_total",
            "counter",
            "Statements that failed because of a deadlock.",
            ("datname", "type"),
            lambda rows: (((row.datname, "deadlock_detected"), row.deadlocks) for row in rows),
            legacy=True,
            note="Others count lines of the log; types known only from the log are absent.",
        ),
        gauge(
            "pg_stat_database_checksum_last_failure_timestamp_seconds",
            "When a wrong checksum was last found; absent if never.",
            attrgetter("checksum_last_failure"),
            LABELS,
        ),
        fact(
            "connection_limit",
            "Connection limit of the database; -1: no limit.",
        ),
        fact("frozen_xid_age", "Transactions since the oldest one that is not frozen."),
        fact("min_mxid_age", "Multixacts since the oldest one that is still needed."),
        fact("remaining_xids", "Transactions that may be begun before writes are refused."),
        fact("remaining_mxids", "Multixacts that may be made before writes are refused."),
        fact(
            "wraparound_age_datfrozenxid_seconds",
            "Same as pg_database_frozen_xid_age: a number of transactions, despite its name.",
            "frozen_xid_age",
        ),
        fact(
            "wraparound_age_datminmxid_seconds",
            "Same as pg_database_min_mxid_age: a number of multixacts, despite its name.",
            "min_mxid_age",
        ),
    ),
)
