"""How the chosen servers are: sessions, transactions, locks and lag, with the findings' limits."""

from collections.abc import Iterator
from typing import Any

from alerts._catalogue import all_findings
from grafana.panels import CRITICAL, WARNING, Panel, Query, Steps, graph
from grafana.queries import RATE, fact, in_databases

WHERE = "{{instance}} {{server}}"
"""One of the two tells the server: facts have the label `server` where a page holds several."""
BY_SERVER = "instance, server"


def limits(finding: str) -> Any:
    """Default limits; a panel shows them where it shows what the finding measures."""
    return all_findings()[finding].limits


def session_panels() -> Iterator[Panel]:
    yield graph(
        "Sessions by state",
        "Processes of PostgreSQL that serve a client, in the chosen databases.",
        "short",
        Query(f"sum by (state) ({in_databases('pg_stat_activity_count')})", "{{state}}"),
        stacked=True,
    )
    yield connections_taken()
    yield graph(
        "Longest transaction",
        "Age of the oldest transaction by the state of its session. One that is idle holds locks"
        " and keeps vacuum from cleaning up, however little it does.",
        "s",
        Query(
            f"max by (state) ({in_databases('pg_stat_activity_max_tx_duration')} > 0)", "{{state}}"
        ),
    )


def connections_taken() -> Panel:
    backends = f"sum by ({BY_SERVER}) ({fact('pg_stat_database_numbackends')})"
    most, reserved = (
        f"max by ({BY_SERVER}) ({fact(f'pg_settings_{name}')})"
        for name in ("max_connections", "superuser_reserved_connections")
    )
    found = limits("connection_saturation")
    return graph(
        "Connections taken",
        "Share of the connections that ordinary roles can have."
        " The lines are the limits of connection_saturation.",
        "percentunit",
        Query(f"{backends} / ({most} - {reserved})", WHERE),
        steps={found.taken: WARNING, found.taken_critical: CRITICAL},
    )


def transaction_panels() -> Iterator[Panel]:
    for title, counter, about in (
        ("Commits", "pg_stat_database_xact_commit", "Transactions that were committed."),
        ("Rollbacks", "pg_stat_database_xact_rollback", "Transactions that were rolled back."),
        ("Deadlocks", "pg_stat_database_deadlocks", "Transactions ended to resolve a deadlock."),
    ):
        yield graph(
            title,
            f"{about} Per second, by database.",
            "ops",
            Query(f"sum by (datname) (rate({in_databases(counter)}{RATE}))", "{{datname}}"),
        )


def lock_panels() -> Iterator[Panel]:
    waiting = in_databases("pg_stat_activity_count", wait_event_type="Lock")
    yield graph(
        "Sessions that wait for a lock",
        "By what they wait for; no line while nobody waits.",
        "short",
        Query(f"sum by (wait_event) ({waiting})", "{{wait_event}}"),
        stacked=True,
        span=12,
    )
    yield graph(
        "Locks by mode",
        "Held or waited for, in the chosen databases.",
        "short",
        Query(f"sum by (mode) ({in_databases('pg_locks_count')} > 0)", "{{mode}}"),
        span=12,
    )


def lag_panels() -> Iterator[Panel]:
    found = limits("replica_lag")
    behind: Steps = {
        found.behind.total_seconds(): WARNING,
        found.behind_critical.total_seconds(): CRITICAL,
    }
    yield graph(
        "Lag of standbys",
        "Seconds that a standby's data is behind, as the standby knows it; no line where that is"
        " not known. The lines are the limits of replica_lag.",
        "s",
        Query(
            f"{fact('pg_replication_lag_seconds')} and on (job, instance, server)"
            f" {fact('pg_replication_is_replica')} == 1",
            WHERE,
        ),
        steps=behind,
        span=12,
    )
    yield graph(
        "Not replayed yet",
        "Bytes of WAL between a primary and what its standbys have replayed.",
        "bytes",
        Query(
            f"max by (application_name, {BY_SERVER})"
            f" ({fact('pg_stat_replication_pg_wal_lsn_diff')})",
            f"{{{{application_name}}}} of {WHERE}",
        ),
        span=12,
    )
