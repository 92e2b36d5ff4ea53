"""An index build waits for an old transaction; it can't go on before that ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.findings.migrations._running import owner, session_of, shown
from alerts.findings.migrations.index_build_running import table_of
from alerts.limits import BaseLimits
from alerts.locks.cures import release_session
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import Session, activity
from collectors.index_builds import IndexBuild, index_builds


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    waiting: Duration = timedelta(minutes=5)
    """Time for which it has waited for the same session."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(index_builds):
        waited = row.waiting_seconds
        if waited is not None and waited >= limits.waiting.total_seconds():
            yield evidence(row, waited, locker(snapshot, row, waited))


def locker(snapshot: Snapshot, row: IndexBuild, waited: float) -> Session | None:
    """Return the session that it waits for; a younger transaction can't be the one."""
    found = session_of(snapshot, row.locker_pid)
    is_older = found is not None and (found.xact_seconds or 0.0) + 1 >= waited
    return found if is_older else None


def evidence(row: IndexBuild, waited: float, held_by: Session | None) -> Evidence:
    table = table_of(row)
    index = f" {identifier(row.indexrelname)}" if row.indexrelname else ""
    return Evidence(
        subject=f"{table}:{index or ' an index'}",
        severity=Severity.warning,
        value=waited,
        message=(
            f"The build of the index{index} on {table} has waited for {duration_text(waited)}"
            f" ({row.phase}) for {told(row, held_by)}."
        ),
        facts={
            "pid": row.pid,
            "command": row.command,
            "phase": row.phase,
            "waiting_seconds": waited,
            "running_seconds": row.running_seconds,
            "locker_pid": row.locker_pid,
            "locker": owner(held_by) if held_by else None,
            "locker_state": held_by.state if held_by else None,
            "locker_transaction_seconds": held_by.xact_seconds if held_by else None,
            "locker_statement": normalised(held_by.query) if held_by else None,
            "lockers_done": row.lockers_done,
            "lockers": row.lockers,
        },
        cure=release_session(held_by) if held_by else UNNAMED,
        check=shown(held_by),
        key=f"{row.pid}:{row.relid}",
        database=row.datname,
    )


def told(row: IndexBuild, held_by: Session | None) -> str:
    if held_by is None:
        return "a transaction whose session is not known"
    age = duration_text(held_by.xact_seconds or 0.0)
    return f"{owner(held_by)}, pid {held_by.pid}, {held_by.state}, in a transaction open for {age}"


UNNAMED = (
    remark("It may be a prepared transaction: see pg_catalog.pg_prepared_xacts, and"),
    remark("prepared_transaction_stale."),
)

finding = Finding(
    title="Index build waits for a transaction",
    severities=(Severity.warning,),
    reads=(index_builds,),
    consults=(activity,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
