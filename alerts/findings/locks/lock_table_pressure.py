"""The shared lock table fills up: once it is full, statements of all sessions fail."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.client_name import session_name
from alerts.cure import remark, terminate
from alerts.limits import BaseLimits
from alerts.locks.table_size import PER_TRANSACTION, capacity, number_of
from alerts.long_work import is_tool
from alerts.query_text import normalised
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from collectors.lock_table import LockHolder, lock_table
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    used: Share = 0.5
    """Share of the lock table in use; one more dump of all partitions may use the rest."""
    used_critical: Share = 0.8
    """Share from which it is critical: soon only PostgreSQL's reserve is left."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows, room = snapshot.rows(lock_table), capacity(snapshot.answer(settings).by("name"))
    if room is None:
        yield Unjudged("the size of the lock table is hidden by settings of our own session")
        return
    held = sum(row.locks for row in rows)
    if held >= limits.used * room:
        critical = held >= limits.used_critical * room
        severity = Severity.critical if critical else Severity.warning
        yield evidence(rows, held, room, severity, enlarge(snapshot, held, room))


def evidence(
    rows: Sequence[LockHolder],
    held: int,
    room: int,
    severity: Severity,
    lasting: tuple[str, ...],
) -> Evidence:
    most = max(rows, key=lambda row: row.locks)
    who = _who(most)
    return Evidence(
        subject="lock table",
        severity=severity,
        value=held / room,
        message=(
            f"{held:,} locks use {share_text(held / room)} of the shared lock table;"
            f" {who} holds {most.locks:,} of them."
        ),
        facts={
            "locks": held,
            "room": room,
            "used_share": held / room,
            "holders": len(rows),
            "largest_pid": most.pid,
            "largest_user": most.usename,
            "largest_application": most.application_name,
            "largest_locks": most.locks,
            "largest_query_id": None if most.query_id is None else str(most.query_id),
            "largest_statement": normalised(most.query),
        },
        cure=cure(most, lasting),
        check=(
            "SELECT pid, pg_catalog.count(*) AS locks FROM pg_catalog.pg_locks WHERE NOT fastpath"
            " GROUP BY pid ORDER BY locks DESC LIMIT 10;"
        ),
    )


def enlarge(snapshot: Snapshot, held: int, room: int) -> tuple[str, ...]:
    """Return the lasting cure: fewer locks, or a table in which twice as many find room."""
    each = number_of(snapshot.answer(settings).by("name"), PER_TRANSACTION)
    larger = max(2, math.ceil(2 * held / room)) * int(each or 0)
    return (
        remark(
            "Permanently: use fewer partitions and indexes in one transaction; or a larger table:"
        ),
        *change(snapshot, PER_TRANSACTION, str(larger)),
    )


def cure(most: LockHolder, lasting: tuple[str, ...]) -> tuple[str, ...]:
    if most.pid is None:
        return (remark("Most locks belong to prepared transactions: finish those."), *lasting)
    start, began = most.backend_start_text or "", most.xact_start_text
    if is_tool(most):
        return (
            remark(f"1. {_who(most)} locks every table that it copies, and nothing that others"),
            remark("   read or write. Let it end if you can: ended now, the copy is incomplete."),
            remark(f"2. If there is no room left: {terminate(most.pid, start, began)}"),
            *lasting,
        )
    return (
        remark(f"Now: terminate {_who(most)}, whose transaction is rolled back."),
        terminate(most.pid, start, began),
        *lasting,
    )


def _who(row: LockHolder) -> str:
    if row.pid is None:
        return "prepared transactions together"
    return f"{session_name(row.usename, row.application_name)}, pid {row.pid},"


finding = Finding(
    title="Lock table filling up",
    severities=(Severity.warning, Severity.critical),
    reads=(lock_table, settings),
    limits=Limits(),
    judge=judge,
    unit="share",
    outlives_restart=False,
)
