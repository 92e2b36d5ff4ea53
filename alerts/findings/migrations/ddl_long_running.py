"""A schema change keeps a table locked for longer than an instant, such as one that rewrites it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.client_name import session_name
from alerts.connections import untold
from alerts.cure import ACTIVITY, cancel, identifier, remark, session_guard, since
from alerts.limits import BaseLimits
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._columns import where
from collectors.exclusive_locks import ExclusiveLock, exclusive_locks
from collectors.user_tables import user_tables

WORDS = ("ALTER ", "CREATE ", "DROP ", "TRUNCATE ", "REFRESH ", "REINDEX ")
SHOWN = 5
"""Number of tables that are named."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    running: Duration = timedelta(seconds=10)
    """Time from which it is listed; a change of the catalogue alone takes milliseconds."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    locked = snapshot.rows(exclusive_locks)
    yield from untold(locked)
    rows = [row for row in locked if is_long(row, limits)]
    names = {
        (table.datname, table.relid): identifier(table.schemaname, table.relname)
        for table in where(snapshot.rows(user_tables), "relid", {row.relation for row in rows})
    }
    for pid in dict.fromkeys(row.pid for row in rows):
        held = [row for row in rows if row.pid == pid]
        found = {names[one] for row in held if (one := (row.datname, row.relation)) in names}
        if found:
            yield evidence(held[0], sorted(found))


def is_long(row: ExclusiveLock, limits: Limits) -> bool:
    seconds = row.query_seconds or 0.0
    is_ddl = (row.query or "").lstrip().upper().startswith(WORDS)
    is_whole = row.mode == "AccessExclusiveLock" and row.state == "active"
    return is_ddl and is_whole and seconds >= limits.running.total_seconds()


def evidence(row: ExclusiveLock, tables: Sequence[str]) -> Evidence:
    who, seconds = session_name(row.usename, row.application_name), row.query_seconds or 0.0
    named = ", ".join(tables[:SHOWN]) + (" …" if len(tables) > SHOWN else "")
    start = row.backend_start_text or ""
    return Evidence(
        subject=f"{row.datname}: {who}, pid {row.pid}",
        severity=Severity.info,
        value=seconds,
        message=(
            f"A schema change by {who} has kept {named} locked for {duration_text(seconds)}: no"
            " session can read it or write to it before it ends."
        ),
        facts={
            "pid": row.pid,
            "statement": normalised(row.query),
            "running_seconds": seconds,
            "transaction_seconds": row.xact_seconds,
            "tables": named,
        },
        cure=(
            remark("Let it finish if no session waits. Cancelled, all of it is undone:"),
            cancel(row.pid, start, row.xact_start_text),
            remark("Then do it in small steps: a new column, filled in batches, then swapped."),
        ),
        check=(
            f"SELECT pid, state, {since('query_start')} AS running FROM {ACTIVITY}"
            f" WHERE {session_guard(row.pid, start, None)};"
        ),
        key=f"{row.pid}@{start}",
        database=row.datname,
    )


finding = Finding(
    title="Schema change long-running",
    severities=(Severity.info,),
    reads=(exclusive_locks, user_tables),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    kind=FindingKind.review,
    outlives_restart=False,
)
