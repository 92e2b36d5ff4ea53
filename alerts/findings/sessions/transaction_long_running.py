"""A transaction that works has been open for an hour: its locks and its snapshot are as old."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.client_name import client_text, session_name
from alerts.connections import client_sessions, untold
from alerts.cure import ACTIVITY, remark, session_guard, since, terminate
from alerts.limits import BaseLimits
from alerts.long_work import is_on_purpose
from alerts.plural import plural
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import Session, activity


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    open: Duration = timedelta(hours=1)
    """How long a transaction that works may be open."""
    statement: Duration = timedelta(minutes=30)
    """A longer statement is reported as such, by query_long_running."""
    silence: Duration = timedelta(minutes=5)
    """A client that is silent for longer is reported by idle_in_transaction."""
    horizon: int = 100_000
    """Transactions since the oldest row version that it may need; a younger one that has written
    nothing does no harm."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    clients = client_sessions(snapshot.rows(activity))
    yield from untold(session for session in clients if not session.is_self)
    longest = limits.open.total_seconds()
    for session in clients:
        is_long = (session.xact_seconds or 0.0) >= longest and not session.is_self
        is_told = is_long and works(session, limits) and harms(session, limits)
        if is_told and not is_on_purpose(session):
            yield evidence(session)


def works(session: Session, limits: Limits) -> bool:
    """Whether it goes from one statement to the next; one that is stuck has other findings."""
    if session.state == "active":
        is_short = (session.query_seconds or 0.0) < limits.statement.total_seconds()
        return is_short and session.wait_event_type != "Lock"
    silent = (session.state_seconds or 0.0) >= limits.silence.total_seconds()
    return (session.state or "").startswith("idle in transaction") and not silent


def harms(session: Session, limits: Limits) -> bool:
    return session.has_xid or (session.xmin_age or 0) >= limits.horizon


def evidence(session: Session) -> Evidence:
    open_for = session.xact_seconds or 0.0
    who = session_name(session.usename, session.application_name)
    start = session.backend_start_text or ""
    age = session.xmin_age or 0
    holds = f" and holds back vacuum by {plural(age, 'transaction')}" if age else ""
    wrote = "has written" if session.has_xid else "has only read"
    return Evidence(
        subject=f"{session.datname}: {who}, pid {session.pid}",
        severity=Severity.warning,
        value=open_for,
        message=(
            f"A transaction of {who} in {session.datname} has been open for"
            f" {duration_text(open_for)}; it {wrote}{holds}."
        ),
        facts={
            "pid": session.pid,
            "user": session.usename,
            "application": session.application_name,
            "client": client_text(session.client_addr),
            "state": session.state,
            "transaction_seconds": open_for,
            "statement_seconds": session.query_seconds,
            "query_id": None if session.query_id is None else str(session.query_id),
            "last_statement": normalised(session.query),
            "wrote": session.has_xid,
            "horizon_age_transactions": session.xmin_age,
        },
        cure=(
            remark("It works, so let it end if you can: what it wrote is lost if it is ended."),
            remark("If it must go, this rolls back all of it:"),
            terminate(session.pid, start, session.xact_start_text),
            remark("Permanently: commit after some thousand rows; on 17 and later,"),
            remark("transaction_timeout limits the transactions of a role."),
        ),
        check=(
            f"SELECT pid, state, {since('xact_start')} AS open, {since('query_start')} AS statement"
            f" FROM {ACTIVITY} WHERE {session_guard(session.pid, start, None)};"
        ),
        key=session.key,
        database=session.datname,
    )


finding = Finding(
    title="Transaction open for very long",
    severities=(Severity.warning,),
    reads=(activity,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
