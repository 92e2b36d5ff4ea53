"""Panels about lock waits and deadlocks."""

from collections.abc import Iterator

from alerts.locks.table_size import PER_TRANSACTION, SLOTS, WORKERS
from alerts.prometheus.own_metrics import FINDING_EVENTS, FINDING_SUBJECT
from alerts.prometheus.promql import one_of
from grafana.panels import CRITICAL, WARNING, Panel, Query, graph
from grafana.queries import (
    DATABASE_NAMED,
    SERVER_NAMED,
    a_minute,
    by,
    fact,
    in_databases,
    limits,
    own,
)
from grafana.verdict_panels import ill_subjects, in_chapter


def lock_findings() -> Iterator[Panel]:
    yield ill_subjects(in_chapter("locks"))


def lock_panels() -> Iterator[Panel]:
    waiting = in_databases("pg_stat_activity_count", wait_event_type="Lock")
    yield graph(
        "Sessions that wait for a lock",
        "By the type of lock.",
        "short",
        Query(f"sum by (wait_event) ({waiting})", "{{wait_event}}"),
        stacked=True,
        whole=True,
        empty="No session waits for a lock.",
        span=12,
    )
    yield longest_wait()
    yield graph(
        "Locks by mode",
        "Held or awaited, in the chosen databases.",
        "short",
        Query(f"sum by (mode) ({in_databases('pg_locks_count')} > 0)", "{{mode}}"),
        whole=True,
    )
    yield lock_table()
    yield prepared()


def lock_table() -> Panel:
    """Panel of the shared lock table, computed as in lock_table_pressure."""
    found = limits("lock_table_pressure")
    each, workers, before, *slots = (
        by("max", "", fact(f"pg_settings_{name}")) for name in (PER_TRANSACTION, *WORKERS, *SLOTS)
    )
    room = f"{each} * ({' + '.join(slots)} + ({workers} or {before}) + 1)"
    return graph(
        "Shared lock table",
        "Share of its slots that are in use; once it is full, statements fail."
        " The lines are the limits of lock_table_pressure.",
        "percentunit",
        Query(f"{by('sum', '', fact('pg_lock_table_locks'))} / ({room})", SERVER_NAMED),
        steps={found.used: WARNING, found.used_critical: CRITICAL},
    )


def prepared() -> Panel:
    found = limits("prepared_transaction_stale")
    began = fact("pg_prepared_transactions_oldest_timestamp_seconds")
    return graph(
        "Oldest prepared transaction",
        "It keeps its locks without a session, even over a restart."
        " The lines are the limits of prepared_transaction_stale.",
        "s",
        Query(by("max", "datname", f"time() - {began}"), DATABASE_NAMED),
        steps={
            found.prepared.total_seconds(): WARNING,
            found.prepared_critical.total_seconds(): CRITICAL,
        },
        empty="No transaction is prepared.",
    )


def longest_wait() -> Panel:
    found = limits("lock_queue_ddl")
    return graph(
        "Longest wait behind a blocker",
        "As measured by the findings about lock queues, while they are ill."
        " The lines are the limits of lock_queue_ddl.",
        "s",
        Query(
            "max by (server, finding)"
            f" ({own(FINDING_SUBJECT, finding=one_of(('lock_blocker_root', 'lock_queue_ddl')))})",
            "{{server}} {{finding}}",
        ),
        steps={
            found.waits.total_seconds(): WARNING,
            found.waits_critical.total_seconds(): CRITICAL,
        },
        empty="No session makes others wait for long.",
        span=12,
    )


def deadlock_panels() -> Iterator[Panel]:
    found = limits("deadlocks")
    counted = a_minute(in_databases("pg_stat_database_deadlocks"))
    yield graph(
        "Deadlocks a minute",
        "Transactions that PostgreSQL rolled back to resolve a deadlock."
        " The line is the limit of deadlocks.",
        "short",
        Query(by("sum", "datname", counted), DATABASE_NAMED),
        steps={found.per_minute_critical: CRITICAL},
        span=12,
    )
    events = a_minute(own(FINDING_EVENTS, finding=one_of(in_chapter("locks"))))
    yield graph(
        "Events a minute, counted by findings",
        "Deadlocks and similar events, by finding.",
        "short",
        Query(f"sum by (server, finding) ({events})", "{{server}} {{finding}}"),
        span=12,
    )
