"""A transaction with too many savepoints slows down visibility checks in every other session."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.client_name import client_text, session_name
from alerts.connections import untold
from alerts.cure import ACTIVITY, session_guard, since
from alerts.limits import BaseLimits, Slack
from alerts.locks.cures import stop
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, duration_text, share_text
from collectors.activity import Session, activity
from collectors.subtransactions import Nested, subtransactions

LOOKUPS = ("SubtransSLRU", "SubtransBuffer", "SubtransControlLock", "subtrans")
"""Names of the wait events for pg_subtrans, by version."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    lives: Duration = timedelta(seconds=10)
    """Age of the overflowed transaction; a short one is harmless."""
    lookups: Annotated[Share, Slack(0.8)] = 0.1
    """Share of the active sessions that wait for pg_subtrans, from which it is critical."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(subtransactions)
    sessions = {session.pid: session for session in snapshot.rows(activity)}
    stalled = stalled_share(sessions.values())
    yield from untold(row for row in rows if row.subxact_overflowed)
    for row in rows:
        lives = row.xact_seconds or 0.0
        if row.subxact_overflowed and lives >= limits.lives.total_seconds():
            critical = stalled >= limits.lookups
            yield evidence(
                row, Severity.critical if critical else Severity.warning, stalled, sessions
            )


def stalled_share(sessions: Iterable[Session]) -> float:
    """Return the share of the active sessions that wait for pg_subtrans."""
    active = [s for s in sessions if s.state == "active" and not s.is_self]
    return sum(s.wait_event in LOOKUPS for s in active) / len(active) if active else 0.0


def evidence(
    row: Nested, severity: Severity, stalled: float, sessions: dict[int, Session]
) -> Evidence:
    who = session_name(row.usename, row.application_name)
    lives, session = row.xact_seconds or 0.0, sessions.get(row.pid)
    cost = f"; {share_text(stalled)} of the active sessions wait for it" if stalled else ""
    return Evidence(
        subject=f"{row.datname}: {who}, pid {row.pid}",
        severity=severity,
        value=lives,
        message=(
            f"{who} in {row.datname} has more than 64 subtransactions in a transaction open for"
            f" {duration_text(lives)}{cost}."
        ),
        facts={
            "pid": row.pid,
            "user": row.usename,
            "application": row.application_name,
            "client": client_text(row.client_addr),
            "query_id": None if row.query_id is None else str(row.query_id),
            "last_statement": normalised(row.query),
            "state": row.state,
            "transaction_seconds": lives,
            "stalled_share": stalled,
        },
        cure=stop(session) if session else (),
        check=(
            f"SELECT pid, state, {since('xact_start')} AS open, pg_catalog.left(query, 60)"
            f" FROM {ACTIVITY} WHERE {session_guard(row.pid, row.backend_start_text or '', None)};"
        ),
        key=f"{row.pid}@{row.backend_start_text}",
        database=row.datname,
    )


finding = Finding(
    title="Too many subtransactions",
    severities=(Severity.warning, Severity.critical),
    reads=(subtransactions, activity),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.server,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
