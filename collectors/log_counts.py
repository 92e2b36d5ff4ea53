"""Errors in the server's log, counted by SQLSTATE; the daemon reads the files and supplies them."""

from dataclasses import dataclass

from collectors._base import Bound, Collector, Lane, counter

OTHER = "other"


@dataclass(frozen=True, slots=True)
class LogCount:
    """Count of an error in the log since the daemon began to read. No text of it is kept."""

    sqlstate: str
    cause: str | None
    """Why a statement was cancelled: statement_timeout, user_request, autovacuum,
    authentication_timeout, recovery_conflict; unknown where the message is not English. None for
    other errors."""
    datname: str | None
    usename: str | None
    """None for failed logins too: what was typed as a name may be a password."""
    count: int
    first: float
    """When the first one was read, in unix seconds; or written, if that was in a pause of ours."""
    last: float
    """The same of the last one."""


log_counts: Collector[LogCount] = Collector(
    row=LogCount,
    lane=Lane.normal,
    key=("sqlstate", "cause", "datname", "usename"),
    counters=("count",),
    bound=Bound(rank="count", top=100, within=""),
    metrics=(
        counter(
            "pg_log_errors_total",
            "Errors in the server's log, where pgvigil can read it.",
            "count",
            ("sqlstate", "cause", "datname", "usename"),
        ),
    ),
)
