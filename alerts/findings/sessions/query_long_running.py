"""A statement has been running for half an hour: it holds its snapshot, memory and a session."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.client_name import client_text, session_name
from alerts.connections import client_sessions, untold
from alerts.cure import ACTIVITY, cancel, remark, session_guard, since, terminate
from alerts.limits import BaseLimits
from alerts.long_work import is_on_purpose
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import Session, activity


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    running: Duration = timedelta(minutes=30)
    """How long one statement may run. COPY, DDL, VACUUM and backup tools are left out."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    clients = client_sessions(snapshot.rows(activity))
    yield from untold(session for session in clients if not session.is_self)
    longest = limits.running.total_seconds()
    for session in clients:
        is_long = is_running(session) and (session.query_seconds or 0.0) >= longest
        if is_long and not is_on_purpose(session):
            yield evidence(session)


def is_running(session: Session) -> bool:
    """Whether it works. Who waits for a lock or sleeps is no burden, and has other findings."""
    return (
        session.state == "active"
        and not session.is_self
        and session.wait_event_type != "Lock"
        and session.wait_event != "PgSleep"
    )


def evidence(session: Session) -> Evidence:
    running = session.query_seconds or 0.0
    who = session_name(session.usename, session.application_name)
    start = session.backend_start_text or ""
    waits = f"{session.wait_event_type} {session.wait_event}" if session.wait_event else None
    return Evidence(
        subject=f"{session.datname}: {who}, pid {session.pid}",
        severity=Severity.warning,
        value=running,
        message=(
            f"{who} in {session.datname} has been running one statement for"
            f" {duration_text(running)}."
        ),
        facts={
            "pid": session.pid,
            "user": session.usename,
            "application": session.application_name,
            "client": client_text(session.client_addr),
            "running_seconds": running,
            "query_id": None if session.query_id is None else str(session.query_id),
            "statement": normalised(session.query),
            "waits_for": waits,
            "horizon_age_transactions": session.xmin_age,
        },
        cure=(
            remark("Ask its owner first; this cancels the statement, and rolls back what it did:"),
            cancel(session.pid, start, session.xact_start_text),
            remark("If that has no effect within a minute:"),
            remark(terminate(session.pid, start, session.xact_start_text)),
            remark("Permanently: statement_timeout for the role, and an index for what it reads."),
        ),
        check=(
            f"SELECT pid, state, wait_event, {since('query_start')} AS running"
            f" FROM {ACTIVITY} WHERE {session_guard(session.pid, start, None)};"
        ),
        key=session.key,
        database=session.datname,
    )


finding = Finding(
    title="Statement runs for very long",
    severities=(Severity.warning,),
    reads=(activity,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
