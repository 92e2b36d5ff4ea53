"""Reading of the server's log, and the facts in it beyond counts of errors."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, counter, gauge


@dataclass(frozen=True, slots=True)
class LogDeadlock:
    """A deadlock that PostgreSQL has resolved, as its detail tells."""

    at: float
    """When it was read, in unix seconds."""
    victim: int | None
    pids: frozenset[int]
    """All that took part, the victim among them."""


@dataclass(frozen=True, slots=True)
class ServerLog:
    """The one row of a server whose log is read; numbers count since the daemon began to."""

    format: str
    """json or csv."""
    records: int
    dropped: int
    """Lines that are too long, or not of the format."""
    skipped_bytes: int
    """Bytes that were never read: too much was written at once, or the file was gone."""
    behind_bytes: int
    """Bytes that are written and not read yet."""
    temp_files: int
    temp_bytes: int
    """Of temporary files, as log_temp_files has them logged when they are removed."""
    autovacuums_cancelled: int
    deadlocks: tuple[LogDeadlock, ...] = ()
    """The last ones, the oldest first."""


server_log: Collector[ServerLog] = Collector(
    row=ServerLog,
    lane=Lane.normal,
    metrics=(
        counter("pg_log_records_total", "Records of the log that were read.", "records"),
        counter(
            "pg_log_dropped_total",
            "Lines of the log that are too long, or not of its format.",
            "dropped",
        ),
        counter(
            "pg_log_skipped_bytes_total",
            "Bytes of the log that were not read, as too many were written at once.",
            "skipped_bytes",
        ),
        gauge("pg_log_behind_bytes", "Bytes of the log that are not read yet.", "behind_bytes"),
        counter("pg_log_temp_files_total", "Temporary files that were logged.", "temp_files"),
        counter("pg_log_temp_bytes_total", "Bytes of the logged temporary files.", "temp_bytes"),
        counter(
            "pg_log_autovacuums_cancelled_total",
            "Autovacuums that were cancelled.",
            "autovacuums_cancelled",
        ),
    ),
)
