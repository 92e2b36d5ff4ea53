"""A transaction whose client has gone quiet keeps its locks, and keeps vacuum from cleaning up."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark, session_guard, terminate
from alerts.snapshot import Snapshot
from alerts.statement import normalised
from alerts.units import Duration, duration_text
from collectors.activity import Session, activity


@dataclass(frozen=True, slots=True)
class Limits:
    silent: Duration = timedelta(minutes=5)
    """Silence of the client inside a transaction that is news; interactive work rarely pauses longer."""
    silent_critical: Duration = timedelta(minutes=15)
    """Silence after which somebody must act: vacuum and locks have been held up that long."""

    def relax(self) -> "Limits":
        return replace(self, silent=self.silent * 0.9, silent_critical=self.silent_critical * 0.9)


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for session in snapshot.rows(activity):
        if is_idle_in_transaction(session) and (session.state_seconds or 0) >= limits.silent.total_seconds():
            yield evidence(session, limits)


def is_idle_in_transaction(session: Session) -> bool:
    return (session.state or "").startswith("idle in transaction")


def evidence(session: Session, limits: Limits) -> Evidence:
    silent, open_for = session.state_seconds or 0.0, session.xact_seconds or 0.0
    critical = silent >= limits.silent_critical.total_seconds()
    who = f"{session.usename} ({session.application_name or 'no application name'})"
    start = session.backend_start_text or ""
    return Evidence(
        subject=f"{session.datname}: {who}, pid {session.pid}",
        severity=Severity.critical if critical else Severity.warning,
        value=silent,
        message=(
            f"{who} in {session.datname} has said nothing for {duration_text(silent)}"
            f" inside a transaction open for {duration_text(open_for)}."
        ),
        facts={
            "pid": session.pid,
            "user": session.usename,
            "application": session.application_name,
            "client": session.client_addr,
            "state": session.state,
            "silent_seconds": silent,
            "transaction_seconds": open_for,
            "last_statement": normalised(session.query),
            "wrote": session.has_xid,
        },
        cure=(
            remark("Ask the application first: what it did in this transaction is rolled back."),
            remark("Cancelling has no effect on an idle session; it can only be terminated."),
            terminate(session.pid, start, session.xact_start_text),
        ),
        check=(
            "SELECT pid, state, now() - state_change AS silent, now() - xact_start AS open"
            f" FROM pg_stat_activity WHERE {session_guard(session.pid, start, None)};"
        ),
        key=session.key,
        database=session.datname,
    )


finding = Finding(
    title="Idle in transaction",
    group="sessions",
    severities=(Severity.warning, Severity.critical),
    reads=(activity,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
)
