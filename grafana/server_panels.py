"""What the chosen servers do: sessions, what they wait for, and transactions."""

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
        "Processes of PostgreSQL that serve a client, in the chosen databases.",
        "short",
        Query(f"sum by (state) ({in_databases('pg_stat_activity_count')}) > 0", "{{state}}"),
        stacked=True,
        whole=True,
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
    backends = by("sum", "", fact("pg_stat_database_numbackends"))
    most, reserved, more = (
        by("max", "", fact(f"pg_settings_{name}"))
        for name in (
            "max_connections",
            "superuser_reserved_connections",
            "reserved_connections",  # from PostgreSQL 16 on
        )
    )
    found = limits("connection_saturation")
    return graph(
        "Connections taken",
        "Share of the connections that ordinary roles can have."
        " The lines are the limits of connection_saturation.",
        "percentunit",
        Query(f"{backends} / ({most} - {reserved} - ({more} or 0 * {most}))", SERVER_NAMED),
        steps={found.taken: WARNING, found.taken_critical: CRITICAL},
    )


def wait_panels() -> Iterator[Panel]:
    """Sampled every second; what runs and waits for nothing computes."""
    looks = rate(fact("pg_wait_event_looks_total"))
    seen, computing = (
        rate(fact("pg_wait_event_samples_total", **kind))
        for kind in ({}, {"wait_event_type": "CPU"})
    )
    on_average = f"/ on (job, instance, server) group_left () {looks}"
    yield graph(
        "Active sessions by what they wait for",
        "How many sessions were at work on average, by the kind of thing they waited for."
        " CPU is those that waited for nothing.",
        "short",
        Query(f"sum by (wait_event_type) ({seen} {on_average})", "{{wait_event_type}}"),
        stacked=True,
        span=12,
    )
    yield ranking(
        "Longest waits",
        "The ten single events that most sessions waited for.",
        "short",
        Query(
            "topk(10, sum by (wait_event_type, wait_event)"
            f" (({seen} unless {computing}) {on_average}) > 0)",
            "{{wait_event_type}} {{wait_event}}",
        ),
        empty="Nobody waits.",
    )


def transaction_panels() -> Iterator[Panel]:
    for title, about, unit, counter in (
        ("Commits", "Transactions that were committed", "ops", "xact_commit"),
        ("Rollbacks", "Transactions that were rolled back", "ops", "xact_rollback"),
        ("Deadlocks", "Transactions ended to end a deadlock", "", "deadlocks"),
        ("Rows inserted", "Rows that were inserted", "rowsps", "tup_inserted"),
        ("Rows updated", "Rows that were updated", "rowsps", "tup_updated"),
        ("Rows deleted", "Rows that were deleted", "rowsps", "tup_deleted"),
    ):
        counted = in_databases(f"pg_stat_database_{counter}")
        speed = rate(counted) if unit else a_minute(counted)
        yield graph(
            title if unit else f"{title} a minute",
            f"{about}, by database.",
            unit or "short",
            Query(by("sum", "datname", speed), DATABASE_NAMED),
        )
