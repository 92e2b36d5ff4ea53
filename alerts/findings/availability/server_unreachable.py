"""The server does not answer, or accepts no new session; applications have the same problem."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.connections import client_sessions, dispensable, terminate_idle
from alerts.cure import ACTIVITY, equals, identifier, literal, remark
from alerts.findings.availability._reasons import OUR_OWN, WORDS
from alerts.limits import BaseLimits
from alerts.replication.role_changes import ROLES
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.activity import Session, activity
from collectors.connection import SILENT, Cause, Connection, connection
from collectors.wal_position import wal_position

MAKE_ROOM = 5
"""Number of sessions to terminate if all slots are in use: enough to investigate."""
HASTE = 30.0
"""Seconds by which a promotion may have been seen before the end of the old primary."""
PASSING = (Cause.starting, Cause.stopping)
"""What a server says of itself that usually passes within seconds."""
GONE = (*PASSING, Cause.recovery, Cause.absent, Cause.timeout, Cause.unresolved)
"""What is seen of a server that was stopped, of its host that is off, and of its start."""
CLIENTS = equals("backend_type", literal("client backend"))
COUNT = f"SELECT pg_catalog.count(*) FROM {ACTIVITY} WHERE {CLIENTS};"
"""A check for administrators who still can connect."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    restart: Duration = timedelta(seconds=10)
    """A server that says that it is starting or stopping is only a warning for that long: a restart
    is over by then, and must not page."""
    shut_down: Duration = timedelta(seconds=60)
    """A server that said that it was being shut down in order is only a warning for that long: a
    planned restart or a switchover is over by then. A crash is critical at once."""
    replaced: Duration = timedelta(hours=1)
    """The same where another watched server of the cluster was promoted since, and so has taken its
    role: its host may be in maintenance."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = snapshot.row(connection)
    sessions = snapshot.rows(activity) if snapshot.has(activity) else ()
    if not row.up and row.cause is None:
        yield Unjudged("the first attempt to connect has not ended yet")
    elif row.observer_starved and _silence(row):
        yield Unjudged("pgvigil is short of CPU, so it may not have read the answer yet")
    elif _met(row) is Cause.defect:
        yield Unjudged((row.connect_message if row.up else row.message) or "a defect in pgvigil")
    elif not row.up:
        yield away(row, Cause(row.cause or Cause.other), _successor(snapshot, row), limits)
    elif row.can_connect is False:
        yield closed(row, Cause(row.connect_cause or Cause.other), sessions)


def _silence(row: Connection) -> bool:
    """Whether all that is held against the server is that no answer came."""
    return _met(row) in SILENT


def _met(row: Connection) -> Cause | None:
    """Return what is held against the server."""
    return row.connect_cause if row.up else row.cause


def _successor(snapshot: Snapshot, row: Connection) -> str | None:
    """Return the server that was promoted since this one was shut down, if it is a primary still.

    Without a promotion another primary is a clone or a restore, which share the identifier.
    """
    if not row.shut_down or snapshot.node.role is Role.standby:
        return None
    since = snapshot.at - (row.down_seconds or 0.0) - HASTE
    for peer in snapshot.peers:
        change = peer.of(ROLES).change if peer.has(wal_position) else None
        is_primary = change is not None and not peer.row(wal_position).in_recovery
        if change is not None and is_primary and change.promoted and change.at >= since:
            return peer.node.server
    return None


def away(row: Connection, cause: Cause, successor: str | None, limits: Limits) -> Evidence:
    """Evidence of a server that can't be reached at all."""
    return _evidence(
        row,
        cause,
        Severity.warning if _is_planned(row, cause, successor, limits) else Severity.critical,
        row.down_seconds,
        row.message,
        f"{row.address} can't be {_verb(cause)}{_since(row.down_seconds)}: {_why(row, cause)}"
        f"{_plan(row, successor)}.",
        (),
        successor,
    )


def _is_planned(row: Connection, cause: Cause, successor: str | None, limits: Limits) -> bool:
    """Whether it is away for no longer than a planned restart or switchover takes."""
    if cause not in GONE:
        return False  # it is there again, and something is wrong
    allowed = limits.restart if cause in PASSING else timedelta(0)
    if row.shut_down:
        allowed = max(allowed, limits.replaced if successor else limits.shut_down)
    return (row.down_seconds or 0.0) < allowed.total_seconds()


def _plan(row: Connection, successor: str | None) -> str:
    if not row.shut_down:
        return ""
    return "; it was shut down in order" + (f", and {successor} was promoted" if successor else "")


def closed(row: Connection, cause: Cause, sessions: Sequence[Session]) -> Evidence:
    """Evidence of a server that answers existing sessions, but accepts no new one."""
    return _evidence(
        row,
        cause,
        Severity.warning if cause in OUR_OWN else Severity.critical,
        row.refused_seconds,
        row.connect_message,
        f"{row.address} answers old sessions, but {_no_new(cause)}{_since(row.refused_seconds)}:"
        f" {_why(row, cause)}.",
        sessions,
    )


def _evidence(
    row: Connection,
    cause: Cause,
    severity: Severity,
    seconds: float | None,
    said: str | None,
    message: str,
    sessions: Sequence[Session],
    successor: str | None = None,
) -> Evidence:
    words = (_named(row, text) for text in WORDS[cause][1])
    heard = (remark(f"The error: {said.rstrip('.')}."),) if said else ()
    room = _room(row, cause, sessions)
    return Evidence(
        subject=row.address,
        severity=severity,
        value=seconds or 0.0,
        message=message,
        facts={
            "cause": cause,
            "answer": said,
            "up": row.up,
            "shut_down": row.shut_down,
            "promoted_since": successor,
            "away_seconds": seconds,
            "our_sessions": row.sessions,
        },
        cure=(*heard, *map(remark, words), *room),
        check=COUNT if row.up or room else "",
    )


def _room(row: Connection, cause: Cause, sessions: Sequence[Session]) -> tuple[str, ...]:
    """Free connection slots, and reserve one for pgvigil."""
    if cause is Cause.role_full:
        return (
            remark("Or terminate its idle sessions, the longest idle first:"),
            _terminate(sessions, row.user),
        )
    if cause is not Cause.slots_full:
        return ()
    user = identifier(row.user or "…")
    return (
        remark("Log in as a superuser: some slots are reserved for superusers."),
        remark("Terminate idle sessions, the longest idle first:"),
        _terminate(sessions),
        remark("Then find the sessions that use the slots: see the finding connection_saturation."),
        remark(
            "Since 16, a slot can be reserved for pgvigil: reserved_connections = 3 and"
            f" GRANT pg_use_reserved_connections TO {user};"
        ),
    )


def _terminate(sessions: Sequence[Session], of: str | None = None) -> str:
    clients = [s for s in client_sessions(sessions) if of in (None, s.usename)]
    if idle := dispensable(clients, MAKE_ROOM):
        return terminate_idle(idle)
    role = f" AND {equals('usename', literal(of))}" if of else ""
    return (
        f"SELECT pid, pg_catalog.pg_terminate_backend(pid) FROM (SELECT pid FROM {ACTIVITY}"
        f" WHERE {CLIENTS} AND {equals('state', literal('idle'))}{role}"
        " AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()"
        f" ORDER BY state_change LIMIT {MAKE_ROOM}) AS longest_idle;"
    )


def _verb(cause: Cause) -> str:
    return "queried" if cause is Cause.first_question else "reached"


def _why(row: Connection, cause: Cause) -> str:
    return _named(row, WORDS[cause][0])


def _named(row: Connection, text: str) -> str:
    return text.replace("{user}", identifier(row.user or "…"))


def _no_new(cause: Cause) -> str:
    return "no new one" if cause is Cause.first_question else "accepts no new one"


def _since(seconds: float | None) -> str:
    return f", for {duration_text(seconds)}" if seconds and seconds >= 1 else ""


finding = Finding(
    title="Server unreachable",
    severities=(Severity.warning, Severity.critical),
    reads=(connection,),
    consults=(activity, wal_position),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    # Two queries in a row: a session that an operator terminated is back by then.
    hold=timedelta(seconds=0.5),
    history=(ROLES,),
)
