"""Panels about server activity: sessions, waits and transactions."""

from collections.abc import Iterator

from grafana.panels import CRITICAL, WARNING, Panel, Query, graph, ranking
from grafana.queries import (
    DATABASE_NAMED,
    SERVER_NAMED,
    a_minute,
    by,
    fact,
    in_databases,
    limits,
    rate,
)


def session_panels() -> Iterator[Panel]:
    yield graph(
        "Sessions by state",
        "Sessions of clients in the chosen databases.",
        "short",
        Query(f"sum by (state) ({in_databases('pg_stat_activity_count')}) > 0", "{{state}}"),
        stacked=True,
        whole=True,
    )
    yield connections_taken()
    yield graph(
        "Longest transaction",
        "Age of the oldest transaction, by the state of its session. An idle one holds its locks"
        " and holds back vacuum too.",
        "s",
        Query(
            f"max by (state) ({in_databases('pg_stat_activity_max_tx_duration')} > 0)", "{{state}}"
        ),
    )


def connections_taken() -> Panel:
    backends = by("sum", "", fact("pg_stat_database_numbackends"))
    most, reserved, more = (
        by("max", "", fact(f"pg_settings_{name}"))
        for name in (
            "max_connections",
            "superuser_reserved_connections",
            "reserved_connections",  # since PostgreSQL 16
        )
    )
    found = limits("connection_saturation")
    return graph(
        "Connections in use",
        "Share of the connections for ordinary roles."
        " The lines are the limits of connection_saturation.",
        "percentunit",
        Query(f"{backends} / ({most} - {reserved} - ({more} or 0 * {most}))", SERVER_NAMED),
        steps={found.taken: WARNING, found.taken_critical: CRITICAL},
    )


def wait_panels() -> Iterator[Panel]:
    """Panels of wait events, sampled every second; sessions that wait for nothing use the CPU."""
    looks = rate(fact("pg_wait_event_looks_total"))
    seen, computing = (
        rate(fact("pg_wait_event_samples_total", **kind))
        for kind in ({}, {"wait_event_type": "CPU"})
    )
    on_average = f"/ on (job, instance, server) group_left () {looks}"
    yield graph(
        "Active sessions by wait event type",
        "Average number of active sessions, by the type of their wait event. CPU: they waited for"
        " nothing.",
        "short",
        Query(f"sum by (wait_event_type) ({seen} {on_average})", "{{wait_event_type}}"),
        stacked=True,
        span=12,
    )
    yield ranking(
        "Longest waits",
        "The top ten wait events by number of sessions.",
        "short",
        Query(
            "topk(10, sum by (wait_event_type, wait_event)"
            f" (({seen} unless {computing}) {on_average}) > 0)",
            "{{wait_event_type}} {{wait_event}}",
        ),
        empty="No session waits.",
    )


def transaction_panels() -> Iterator[Panel]:
    for title, about, unit, counter in (
        ("Commits", "Committed transactions", "ops", "xact_commit"),
        ("Rollbacks", "Rolled back transactions", "ops", "xact_rollback"),
        ("Deadlocks", "Transactions rolled back to resolve a deadlock", "", "deadlocks"),
        ("Rows inserted", "Inserted rows", "rowsps", "tup_inserted"),
        ("Rows updated", "Updated rows", "rowsps", "tup_updated"),
        ("Rows deleted", "Deleted rows", "rowsps", "tup_deleted"),
    ):
        counted = in_databases(f"pg_stat_database_{counter}")
        speed = rate(counted) if unit else a_minute(counted)
        yield graph(
            title if unit else f"{title} a minute",
            f"{about}, by database.",
            unit or "short",
            Query(by("sum", "datname", speed), DATABASE_NAMED),
        )
