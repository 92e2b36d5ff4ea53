"""What the chosen servers do: sessions, what they wait for, and transactions."""

from collections.abc import Iterator

from grafana.panels import CRITICAL, WARNING, Panel, Query, graph
from grafana.queries import BY_SERVER, WHERE, fact, in_databases, limits, rate


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


def wait_panels() -> Iterator[Panel]:
    """Sampled every second; what runs and waits for nothing computes."""
    looks = rate(fact("pg_wait_event_looks_total"))
    seen = rate(fact("pg_wait_event_samples_total"))
    waiting = f"{seen} / on (job, instance, server) group_left () {looks}"
    yield graph(
        "Active sessions by what they wait for",
        "How many sessions were at work on average, by the kind of thing they waited for."
        " CPU is those that waited for nothing.",
        "short",
        Query(f"sum by (wait_event_type) ({waiting})", "{{wait_event_type}}"),
        stacked=True,
        span=12,
    )
    yield graph(
        "Longest waits",
        "The ten single events that most sessions waited for.",
        "short",
        Query(
            f"topk(10, sum by (wait_event_type, wait_event) ({waiting}))",
            "{{wait_event_type}} {{wait_event}}",
        ),
        span=12,
    )


TRANSACTIONS = (
    ("Commits", "pg_stat_database_xact_commit", "ops", "Transactions that were committed."),
    ("Rollbacks", "pg_stat_database_xact_rollback", "ops", "Transactions that were rolled back."),
    ("Deadlocks", "pg_stat_database_deadlocks", "ops", "Transactions ended to end a deadlock."),
    ("Rows inserted", "pg_stat_database_tup_inserted", "rowsps", "Rows that were inserted."),
    ("Rows updated", "pg_stat_database_tup_updated", "rowsps", "Rows that were updated."),
    ("Rows deleted", "pg_stat_database_tup_deleted", "rowsps", "Rows that were deleted."),
)


def transaction_panels() -> Iterator[Panel]:
    for title, counter, unit, about in TRANSACTIONS:
        yield graph(
            title,
            f"{about} Per second, by database.",
            unit,
            Query(f"sum by (datname) ({rate(in_databases(counter))})", "{{datname}}"),
        )
