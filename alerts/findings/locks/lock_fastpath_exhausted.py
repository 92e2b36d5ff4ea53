"""Sessions lock more relations than their fast-path slots hold, and wait for the lock table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import equals, literal, remark
from alerts.limits import BaseLimits, Slack
from alerts.query_text import normalised
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from collectors.activity import Session, activity
from collectors.lock_table import LockHolder, lock_table
from collectors.settings import settings

WAIT = ("LockManager", "lock_manager")
"""Names of the wait event for a partition of the lock table, by version."""
PER_TRANSACTION = "max_locks_per_transaction"
SLOTS_BY_SETTING = 180000
"""The first version in which this setting also decides the number of fast-path slots."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    overflowed: Annotated[Share, Slack(0.8)] = 0.2
    """Share of the active sessions with more locks than fast-path slots."""
    waiting: Annotated[Share, Slack(0.5)] = 0.05
    """Share of the active sessions that wait for access to the lock table; without waits, its use
    is harmless."""
    least: int = 3
    """Minimum number of sessions with more locks than fast-path slots."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    sessions = snapshot.rows(activity)
    over = [row for row in snapshot.rows(lock_table) if row.overflowed and row.pid is not None]
    active = [s for s in sessions if s.state == "active" and not s.is_self]
    waiting = [s for s in active if s.wait_event_type == "LWLock" and s.wait_event in WAIT]
    enough = len(over) >= max(limits.least, limits.overflowed * len(active))
    if active and enough and len(waiting) >= limits.waiting * len(active):
        yield evidence(over, waiting, active, more_slots(snapshot, over))


def more_slots(snapshot: Snapshot, over: Sequence[LockHolder]) -> tuple[str, ...]:
    """Return how to give each session a slot for each relation that it locks, which 18 allows."""
    rows = snapshot.rows(settings) if snapshot.has(settings) else ()
    now = next((row.number for row in rows if row.name == PER_TRANSACTION), None)
    if now is None or (snapshot.node.version or 0) < SLOTS_BY_SETTING:
        return ()
    wanted = int(now) + max(row.overflowed for row in over)
    slots = 1 << (wanted - 1).bit_length()
    return (remark("Or give more slots:"), *change(snapshot, PER_TRANSACTION, str(slots)))


def evidence(
    over: Sequence[LockHolder],
    waiting: Sequence[Session],
    active: Sequence[Session],
    more: tuple[str, ...],
) -> Evidence:
    worst = max(over, key=lambda row: row.overflowed)
    share = len(waiting) / len(active)
    return Evidence(
        subject="fast path of locks",
        severity=Severity.warning,
        value=len(over),
        message=(
            f"{len(over)} sessions lock more relations than their fast-path slots hold, and"
            f" {share_text(share)} of the active sessions wait for the shared lock table."
        ),
        facts={
            "sessions_over": len(over),
            "active_sessions": len(active),
            "waiting_sessions": len(waiting),
            "waiting_share": share,
            "worst_pid": worst.pid,
            "worst_user": worst.usename,
            "worst_application": worst.application_name,
            "worst_overflowed_locks": worst.overflowed,
            "worst_query_id": None if worst.query_id is None else str(worst.query_id),
            "worst_statement": normalised(worst.query),
        },
        cure=(
            remark(
                "No session has to end. Use fewer partitions and indexes in each statement: prune"
            ),
            remark("partitions by a constant in WHERE, drop unused indexes, use prepared"),
            remark("statements."),
            *more,
        ),
        check=(
            "SELECT pid, pg_catalog.count(*) FILTER (WHERE fastpath) AS slots,"
            " pg_catalog.count(*) FILTER (WHERE NOT fastpath) AS shared FROM pg_catalog.pg_locks"
            f" WHERE {equals('locktype', literal('relation'))}"
            " GROUP BY pid ORDER BY shared DESC LIMIT 10;"
        ),
    )


finding = Finding(
    title="Contention for the lock table",
    severities=(Severity.warning,),
    reads=(lock_table, activity),
    consults=(settings,),
    limits=Limits(),
    judge=judge,
    unit="sessions",
    hold=timedelta(seconds=30),
    outlives_restart=False,
)
