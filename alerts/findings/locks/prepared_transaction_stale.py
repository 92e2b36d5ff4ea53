"""An unfinished prepared transaction keeps its locks and holds back vacuum, even over restarts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import equals, literal
from alerts.limits import BaseLimits
from alerts.locks.cures import finish_prepared
from alerts.locks.scene import graph_of
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.locks import locks
from collectors.prepared_transactions import PreparedTransaction, prepared_transactions


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    prepared: Duration = timedelta(minutes=5)
    """Age from which it is reported; transaction managers finish within seconds, or after a
    restart within minutes."""
    prepared_critical: Duration = timedelta(hours=1)
    """Age from which it is critical: its transaction manager has probably forgotten it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(prepared_transactions):
        if row.prepared_seconds >= limits.prepared.total_seconds():
            critical = row.prepared_seconds >= limits.prepared_critical.total_seconds()
            severity = Severity.critical if critical else Severity.warning
            yield evidence(row, severity, victims(snapshot, row.gid))


def victims(snapshot: Snapshot, gid: str) -> int | None:
    """Count the sessions that wait for it, if known."""
    if not snapshot.has(locks):
        return None
    rows = snapshot.rows(locks)
    node = next((lock.virtualtransaction for lock in rows if lock.gid == gid), None)
    return len(graph_of(snapshot).victims_of(node)) if node else 0


def evidence(row: PreparedTransaction, severity: Severity, waiting: int | None) -> Evidence:
    cost = f"; {waiting} session{'s wait' if waiting > 1 else ' waits'} for it" if waiting else ""
    return Evidence(
        subject=f"{row.datname}: {row.gid}",
        severity=severity,
        value=row.prepared_seconds,
        message=(
            f"The prepared transaction {row.gid} of {row.owner} in {row.datname} has not been"
            f" finished for {duration_text(row.prepared_seconds)}{cost}."
        ),
        facts={
            "gid": row.gid,
            "owner": row.owner,
            "prepared_seconds": row.prepared_seconds,
            "horizon_age_transactions": row.xid_age,
            "waiting_sessions": waiting,
        },
        cure=finish_prepared(row.gid),
        check=(
            f"SELECT * FROM pg_catalog.pg_prepared_xacts WHERE {equals('gid', literal(row.gid))};"
        ),
        key=f"{row.gid}@{row.prepared}",
        database=row.datname,
        culprit=f"prepared {row.gid}",
    )


finding = Finding(
    title="Forgotten prepared transaction",
    severities=(Severity.warning, Severity.critical),
    reads=(prepared_transactions,),
    consults=(locks,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
)
