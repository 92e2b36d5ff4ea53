"""A session keeps a whole table locked for long; every later session that uses it must wait."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.client_name import client_text, session_name
from alerts.connections import untold
from alerts.cure import ACTIVITY, cancel, identifier, remark, session_guard, since, terminate
from alerts.limits import BaseLimits
from alerts.locks.cures import (
    applies_changes,
    let_it_apply,
    let_it_finish,
    may_prevent_wraparound,
)
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._columns import where
from collectors.exclusive_locks import ExclusiveLock, exclusive_locks
from collectors.user_tables import user_tables

SHOWN = 5
"""Number of tables of one session that are named."""
Held = dict[tuple[int, str], list[ExclusiveLock]]


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    idle: Duration = timedelta(seconds=5)
    """Time that a session with such a lock is idle in its transaction."""
    working: Duration = timedelta(seconds=60)
    """Age of the transaction of an active session with such a lock: a rewrite, a long migration."""
    critical: Duration = timedelta(minutes=10)
    """Either of them for so long that it is critical."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(exclusive_locks)
    names = table_names(snapshot, rows)
    sessions: Held = {}
    for row in rows:
        # Temporary tables and indexes have no name there; no other session waits for those.
        if (row.datname, row.relation) in names:
            sessions.setdefault((row.pid, row.datname), []).append(row)
    yield from untold(held[0] for held in sessions.values())
    for held in sessions.values():
        if severity := gravity(held[0], limits):
            yield evidence(held, sorted({names[r.datname, r.relation] for r in held}), severity)


def table_names(snapshot: Snapshot, rows: Sequence[ExclusiveLock]) -> dict[tuple[str, int], str]:
    """Return the locked tables, without temporary ones."""
    oids = {row.relation for row in rows}
    return {
        (table.datname, table.relid): identifier(table.schemaname, table.relname)
        for table in where(snapshot.rows(user_tables), "relid", oids)
    }


def gravity(held: ExclusiveLock, limits: Limits) -> Severity | None:
    at_rest = held.state != "active"
    since = (held.state_seconds if at_rest else held.xact_seconds) or 0.0
    if since >= limits.critical.total_seconds():
        return Severity.critical
    limit = limits.idle if at_rest else limits.working
    return Severity.warning if since >= limit.total_seconds() else None


def evidence(held: Sequence[ExclusiveLock], tables: Sequence[str], severity: Severity) -> Evidence:
    one = held[0]
    who = session_name(one.usename, one.application_name)
    open_for = one.xact_seconds or 0.0
    shown = ", ".join(tables[:SHOWN]) + (" …" if len(tables) > SHOWN else "")
    start = one.backend_start_text or ""
    return Evidence(
        subject=f"{one.datname}: {who}, pid {one.pid}, {shown}",
        severity=severity,
        value=open_for,
        message=(
            f"{who} in {one.datname}, {one.state}, keeps {shown} locked in a transaction open"
            f" for {duration_text(open_for)}."
        ),
        facts={
            "pid": one.pid,
            "user": one.usename,
            "application": one.application_name,
            "client": client_text(one.client_addr, one.backend_type),
            "state": one.state,
            "state_seconds": one.state_seconds,
            "transaction_seconds": open_for,
            "mode": one.mode,
            "tables": len(tables),
            "relation": shown,
            "query_id": None if one.query_id is None else str(one.query_id),
            "last_statement": normalised(one.query),
        },
        cure=cure(one),
        check=(
            f"SELECT pid, state, {since('xact_start')} AS open, pg_catalog.left(query, 60)"
            f" FROM {ACTIVITY} WHERE {session_guard(one.pid, start, None)};"
        ),
        key=f"{one.pid}@{start}",
        object=tables[0],
        database=one.datname,
    )


def cure(held: ExclusiveLock) -> tuple[str, ...]:
    if may_prevent_wraparound(held):
        return let_it_finish(held)
    if applies_changes(held):
        return let_it_apply(held)
    start, began = held.backend_start_text or "", held.xact_start_text
    if held.state == "active":
        return (
            remark(
                "Let it finish if no session waits. Otherwise cancel it; its work is rolled back."
            ),
            cancel(held.pid, start, began),
        )
    return (
        remark("Ask its owner first. The work of this transaction is rolled back:"),
        terminate(held.pid, start, began),
    )


finding = Finding(
    title="Table locked exclusively",
    severities=(Severity.warning, Severity.critical),
    reads=(exclusive_locks, user_tables),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
