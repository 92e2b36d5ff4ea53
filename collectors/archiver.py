"""pg_stat_archiver: WAL archiving, its successes and failures."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, counter, gauge

# On a standby, the archiver runs only with archive_mode = always.
QUERY = """
    select
        archived_count,
        last_archived_wal,
        extract(epoch from last_archived_time)::float8                      as last_archived_time,
        extract(epoch from clock_timestamp() - last_archived_time)::float8  as archived_seconds,
        failed_count,
        last_failed_wal,
        extract(epoch from last_failed_time)::float8                        as last_failed_time,
        extract(epoch from clock_timestamp() - last_failed_time)::float8    as failed_seconds,
        extract(epoch from stats_reset)::float8                             as stats_reset,
        extract(epoch from clock_timestamp() - stats_reset)::float8         as stats_seconds,
        extract(epoch from pg_postmaster_start_time())::float8              as started,
        current_setting('archive_mode') = 'always'
            or current_setting('archive_mode') = 'on' and not pg_is_in_recovery()
                                                                            as is_archiving
    from pg_catalog.pg_stat_archiver
"""


@dataclass(frozen=True, slots=True)
class Archiver:
    """The one row of a server. Times are unix seconds; None: not since the statistics began."""

    archived_count: int
    last_archived_wal: str | None
    last_archived_time: float | None
    archived_seconds: float | None
    """Seconds since then."""
    failed_count: int
    """Failed attempts; each is repeated."""
    last_failed_wal: str | None
    last_failed_time: float | None
    failed_seconds: float | None
    stats_reset: float | None
    stats_seconds: float | None
    is_archiving: bool
    """Whether this server should archive."""
    started: float | None = None
    """When the server was started."""

    @property
    def never_archived(self) -> bool:
        """True if it should archive, but has not since the statistics began."""
        return self.is_archiving and self.last_archived_time is None

    @property
    def is_failing(self) -> bool:
        """True if it should archive, and the last attempt has failed.

        A server that was restarted tries at once, if anything waits: until then, an older failure
        may be from before archive_mode was off.
        """
        failed = self.last_failed_time
        last = max(self.last_archived_time or 0.0, self.started or 0.0)
        return self.is_archiving and failed is not None and last < failed

    @property
    def failing_at_least_seconds(self) -> float:
        """How long it has failed, by its attempts: three, and a minute's pause.

        0 if some of them may be from before the last success.
        """
        return self.failed_count // 3 * 60.0 if self.never_archived and self.is_failing else 0.0

    @property
    def at_least_seconds(self) -> float | None:
        """Seconds since the last archived file; if there is none, a lower bound."""
        return self.stats_seconds if self.never_archived else self.archived_seconds


archiver = Collector(
    row=Archiver,
    lane=Lane.normal,
    sql={140000: QUERY},
    counters=("archived_count", "failed_count"),
    epoch="stats_reset",
    metrics=(
        counter(
            "pg_stat_archiver_archived_count",
            "WAL files that were archived.",
            lambda row: row.archived_count,
        ),
        counter(
            "pg_stat_archiver_failed_count",
            "Attempts to archive that failed.",
            lambda row: row.failed_count,
        ),
        gauge(
            "pg_stat_archiver_last_archive_age",
            "Seconds since a WAL file was last archived.",
            lambda row: row.at_least_seconds,
            note="If the server should archive but never did, this is the age of the statistics, a"
            " lower bound, so that rules on the age fire; postgres_exporter's is absent.",
        ),
        gauge(
            "pg_stat_archiver_last_archived_timestamp_seconds",
            "When a WAL file was last archived; absent if never.",
            lambda row: row.last_archived_time,
        ),
        gauge(
            "pg_stat_archiver_last_failed_timestamp_seconds",
            "When an attempt to archive last failed; absent if never.",
            lambda row: row.last_failed_time,
        ),
        gauge(
            "pg_stat_archiver_archiving",
            "Whether this server should archive WAL.",
            lambda row: row.is_archiving,
        ),
        gauge(
            "pg_stat_archiver_never_archived",
            "Whether it should archive, but has not since its statistics began.",
            lambda row: row.never_archived,
        ),
    ),
)
