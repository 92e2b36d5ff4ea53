"""One transaction changes rows for minutes: all of them stay locked until it ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.client_name import session_name
from alerts.connections import client_sessions, untold
from alerts.cure import remark
from alerts.findings.migrations._running import shown, stopped
from alerts.limits import BaseLimits
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import Session, activity

CHANGES = re.compile(
    r"\s*(UPDATE|DELETE|MERGE|DO|CALL|WITH\b.*\b(UPDATE|DELETE))\b", re.IGNORECASE | re.DOTALL
)
"""Statements that lock rows which are there already; an INSERT does not."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    running: Duration = timedelta(minutes=5)
    """Age of the transaction; a procedure that commits in between starts again."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    least = limits.running.total_seconds()
    yield from untold(s for s in client_sessions(snapshot.rows(activity)) if s.has_xid)
    for session in snapshot.rows(activity):
        if session.has_xid and (session.xact_seconds or 0.0) >= least and is_backfill(session):
            yield evidence(session)


def is_backfill(session: Session) -> bool:
    """Whether it is changing rows; one that waits for a lock is reported elsewhere."""
    is_at_work = session.state == "active" and session.wait_event_type != "Lock"
    is_client = session.backend_type == "client backend" and not session.is_self
    return is_client and is_at_work and CHANGES.match(session.query or "") is not None


def evidence(session: Session) -> Evidence:
    who = session_name(session.usename, session.application_name)
    seconds = session.xact_seconds or 0.0
    return Evidence(
        subject=f"{session.datname}: {who}, pid {session.pid}",
        severity=Severity.warning,
        value=seconds,
        message=(
            f"{who} in {session.datname} has been changing rows in one transaction for"
            f" {duration_text(seconds)}: each of them stays locked, and vacuum removes no dead row,"
            " until it ends."
        ),
        facts={
            "pid": session.pid,
            "transaction_seconds": seconds,
            "statement_seconds": session.query_seconds,
            "statement": normalised(session.query),
        },
        cure=(
            *stopped(session, "all that it has done is undone, and leaves dead rows"),
            remark("Then do it in batches by ranges of the key, each with a commit and a pause. A"),
            remark("DO block or a function is one transaction, also if it loops and sleeps: use a"),
            remark("procedure with COMMIT, or a loop in the client, until no row is left."),
        ),
        check=shown(session),
        key=f"{session.pid}@{session.backend_start_text}",
        database=session.datname,
    )


finding = Finding(
    title="Change of many rows in one transaction",
    severities=(Severity.warning,),
    reads=(activity,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    kind=FindingKind.review,
    outlives_restart=False,
)
