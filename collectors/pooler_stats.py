"""SHOW STATS: transactions, their time and their waits, of each database since the start."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane, Value, counter

DATABASE = ("database",)


@dataclass(frozen=True, slots=True)
class PoolerStats:
    """Times are microseconds, as PgBouncer tells them."""

    database: str
    total_xact_count: int | None
    total_query_count: int | None
    total_received: int | None
    total_sent: int | None
    total_xact_time: int | None
    total_query_time: int | None
    total_wait_time: int | None
    total_server_assignment_count: int | None
    """How often a client got a server connection; since 1.24."""
    total_client_parse_count: int | None
    total_server_parse_count: int | None
    total_bind_count: int | None
    total_client_login_count: int | None
    """Since 1.25."""


def _seconds(microseconds: int | None) -> Value:
    return None if microseconds is None else microseconds / 1e6


pooler_stats = Collector(
    row=PoolerStats,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW STATS",
    key=DATABASE,
    counters=("total_xact_count", "total_xact_time", "total_wait_time", "total_query_count"),
    metrics=(
        counter(
            "pgbouncer_stats_queries_pooled_total",
            "Queries.",
            "total_query_count",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_queries_duration_seconds_total",
            "Time that servers spent on queries.",
            lambda row: _seconds(row.total_query_time),
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_received_bytes_total",
            "Bytes from clients.",
            "total_received",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_sent_bytes_total",
            "Bytes to clients.",
            "total_sent",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_client_wait_seconds_total",
            "Time that clients waited for a server connection.",
            lambda row: _seconds(row.total_wait_time),
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_sql_transactions_pooled_total",
            "Transactions.",
            "total_xact_count",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_server_in_transaction_seconds_total",
            "Time that server connections spent in transactions, idle in between or not.",
            lambda row: _seconds(row.total_xact_time),
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_client_parses_total",
            "Prepared statements that clients sent.",
            "total_client_parse_count",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_server_parses_total",
            "Prepared statements that PgBouncer sent to servers.",
            "total_server_parse_count",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_binds_total",
            "Prepared statements that were made ready to be executed.",
            "total_bind_count",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_server_assignments_total",
            "How often a client got a server connection.",
            "total_server_assignment_count",
            DATABASE,
        ),
        counter(
            "pgbouncer_stats_client_logins_total",
            "Logins of clients.",
            "total_client_login_count",
            DATABASE,
        ),
    ),
)
