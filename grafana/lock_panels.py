"""Who waits for a lock, and the deadlocks that come of it."""

from collections.abc import Iterator

from alerts.own_metrics import FINDING_EVENTS, FINDING_SUBJECT
from alerts.promql import one_of
from grafana.panels import CRITICAL, WARNING, Panel, Query, graph
from grafana.queries import fact, in_databases, limits, own, rate
from grafana.verdict_panels import ill_subjects, in_group


def lock_findings() -> Iterator[Panel]:
    yield ill_subjects(in_group("locks"))


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
    yield longest_wait()
    yield graph(
        "Locks by mode",
        "Held or waited for, in the chosen databases.",
        "short",
        Query(f"sum by (mode) ({in_databases('pg_locks_count')} > 0)", "{{mode}}"),
        span=12,
    )
    yield graph(
        "Prepared transactions",
        "They keep their locks although no session has them, even over a restart.",
        "short",
        Query(f"max by (instance, server) ({fact('pg_prepared_transactions')})", "{{server}}"),
        span=12,
    )


def longest_wait() -> Panel:
    found = limits("lock_queue_ddl")
    return graph(
        "Longest wait behind a blocker",
        "As the findings about lock queues have measured it, while they are ill."
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
        span=12,
    )


def deadlock_panels() -> Iterator[Panel]:
    yield graph(
        "Deadlocks",
        "Transactions that PostgreSQL ended because they waited in a circle, per second.",
        "ops",
        Query(
            f"sum by (datname) ({rate(in_databases('pg_stat_database_deadlocks'))})", "{{datname}}"
        ),
        span=12,
    )
    deadlocks = own(FINDING_EVENTS, finding=one_of(in_group("locks")))
    yield graph(
        "Events that findings have counted",
        "Deadlocks and the like, per second, by the finding that saw them.",
        "ops",
        Query(f"sum by (server, finding) ({rate(deadlocks)})", "{{server}} {{finding}}"),
        span=12,
    )
