"""Sessions read from a standby that is behind: they get old data without knowing it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.client_name import session_name
from alerts.cure import ACTIVITY, equals, literal, remark
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.replication.lag import Lag, lag_of_standby
from alerts.replication.timeline import TIMELINE
from alerts.replication.wording import distance, lag_facts
from alerts.snapshot import Snapshot
from alerts.units import Duration
from collectors._base import Role
from collectors.activity import Session, activity
from collectors.databases import databases
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver

MINUTE = timedelta(minutes=1)
READ = Window(databases, MINUTE)
COPIES = ("pg_dump", "pg_dumpall", "pgvigil")
"""Programs that read one snapshot anyway, and ourselves."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    behind: Duration = timedelta(seconds=30)
    """Age of the oldest change that is not replayed, less the delay that is set."""
    in_use: Annotated[Duration, FIXED] = MINUTE
    """A session reads if it has run a statement within this time."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    lag = lag_of_standby(snapshot)
    if not isinstance(lag, Lag):
        yield lag
        return
    late = replace(lag, seconds=lag.seconds - snapshot.row(wal_receiver).apply_delay_seconds)
    if late.seconds < limits.behind.total_seconds():
        return
    readers: dict[tuple[str, str], list[Session]] = {}
    for session in snapshot.rows(activity):
        if _reads(session, limits.in_use.total_seconds()):
            who = session.usename or "", session.application_name or ""
            readers.setdefault(who, []).append(session)
    for (user, application), sessions in readers.items():
        yield evidence(snapshot, session_name(user, application), sessions, late)


def _reads(session: Session, within: float) -> bool:
    if session.backend_type != "client backend" or session.is_self:
        return False
    if session.application_name in COPIES:
        return False
    return session.state == "active" or (
        session.state_seconds is not None and session.state_seconds <= within
    )


def evidence(snapshot: Snapshot, who: str, sessions: Sequence[Session], lag: Lag) -> Evidence:
    named = sorted({session.datname for session in sessions if session.datname})
    rows = _rows_per_second(snapshot, named)
    speed = "" if rows is None else f", {rows:,.0f} rows/s in {', '.join(named)}"
    server, first = snapshot.node.server, sessions[0]
    return Evidence(
        subject=who,
        severity=Severity.warning,
        value=lag.seconds,
        message=(
            f"{who} reads on {server}, which is {distance(lag)}:"
            f" {plural(len(sessions), 'session')}{speed}."
        ),
        facts={
            "user": first.usename,
            "application": first.application_name,
            "sessions": len(sessions),
            "databases": ", ".join(named) or None,
            "rows_per_second": rows,
            **lag_facts(lag),
        },
        cure=(
            remark(
                "Send reads that need fresh data to the primary until the standby has caught up;"
            ),
            remark("take the standby out of the pool. Never read on it what was just written."),
        ),
        check=(
            f"SELECT pid, usename, application_name, state, query FROM {ACTIVITY}"
            f" WHERE {equals('usename', literal(first.usename or ''))};"
        ),
    )


def _rows_per_second(snapshot: Snapshot, named: Sequence[str]) -> float | None:
    """Return the rows that all sessions in these databases read within a second."""
    if not snapshot.has(databases):
        return None
    changes = snapshot.of(READ).delta(MINUTE)
    known = [
        lately.increase["tup_fetched"] / lately.seconds
        for row in snapshot.rows(databases)
        if row.datname in named
        and (lately := changes.get(databases.key_of(row)))
        and lately.seconds > 0
    ]
    return sum(known) if known else None


finding = Finding(
    title="Stale reads",
    severities=(Severity.warning,),
    reads=(activity, wal_position, wal_receiver),
    consults=(databases,),
    history=(TIMELINE, READ),
    limits=Limits(),
    judge=judge,
    on=Role.standby,
    unit="seconds",
    alerted_by=AlertedBy.server,
    hold=timedelta(seconds=30),
    because=("replica_lag", "replica_receiver_down", "replay_paused", "replay_blocked_by_query"),
)
