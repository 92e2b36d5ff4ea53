"""A session holds a lock that others wait for, and waits for no lock itself; it blocks them all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Outcome, Severity
from alerts.client_name import client_text
from alerts.cure import ACTIVITY, equals
from alerts.findings.locks._incident import queue_incident
from alerts.limits import BaseLimits
from alerts.locks.cures import release
from alerts.locks.graph import Holder, node_of
from alerts.locks.parties import session_facts
from alerts.locks.scene import LockScene, LockWait
from alerts.plural import plural
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import UNTOLD, Session

SHOWN = 3
"""Number of waiters shown, the longest first."""
PATIENT = ("advisory", "virtualxid")
"""Lock types with intended waits: leader election, CREATE INDEX CONCURRENTLY."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    crowd: int = 3
    """Number of sessions waiting for one blocker from which it is reported."""
    crowd_waits: Duration = timedelta(seconds=10)
    """Minimum wait of the newest of these sessions."""
    one_waits: Duration = timedelta(seconds=30)
    """A single wait after which a user gives up."""
    one_waits_critical: Duration = timedelta(seconds=60)
    """A single wait after which an application begins to run out of connections."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    scene = snapshot.once(LockScene.of)
    for root in scene.graph.roots:
        waits = scene.waits(scene.graph.victims_of(root))
        if severity := gravity(waits, limits):
            yield evidence(scene, root, waits, severity)


def gravity(waits: Sequence[LockWait], limits: Limits) -> Severity | None:
    """Judge by the durations of the waits, which PostgreSQL measures; the longest first."""
    longest = waits[0].seconds if waits else 0.0
    crowded = waits[limits.crowd - 1].seconds if len(waits) >= limits.crowd else 0.0
    hurried = [wait.seconds for wait in waits if wait.lock.locktype not in PATIENT]
    if max(hurried, default=0.0) >= limits.one_waits_critical.total_seconds():
        return Severity.critical
    ill = longest >= limits.one_waits.total_seconds() or (
        crowded >= limits.crowd_waits.total_seconds()
    )
    return Severity.warning if ill else None


def evidence(
    scene: LockScene, root: Holder, waits: Sequence[LockWait], severity: Severity
) -> Evidence:
    session = scene.sessions.get(root)
    database = scene.database(root) or scene.database(waits[0].node)
    relation = scene.relation(waits[0].lock)
    place = scene.place(root) or scene.place(waits[0].node)
    number = plural(len(waits), "session")
    return Evidence(
        subject=f"{database or 'no database'}: {scene.who(root)}"
        + (f", pid {root}" if session else ""),
        severity=severity,
        value=waits[0].seconds,
        message=(
            f"{scene.who(root)}{place}{_state(session)} keeps {number} waiting"
            f" for up to {duration_text(waits[0].seconds)}"
            + (f"; the longest wants {relation}." if relation else ".")
        ),
        facts={
            **_root(session),
            "waiters": len(waits),
            "longest_wait_seconds": waits[0].seconds,
            "caused_wait_seconds": sum(wait.seconds for wait in waits),
            "waits_for": waits[0].lock.locktype,
            "relation": relation,
            "row": scene.row(waits[0].lock),
            "queue_head": _head(scene, root),
            **session_facts("waiter", scene.sessions.get(waits[0].node)),
            **{f"waiter_{n}": _waiter(scene, w) for n, w in enumerate(waits[1:SHOWN], 2)},
        },
        cure=release(scene, root),
        check=_check(root),
        key=scene.identity(root),
        object=relation,
        database=database,
        culprit=scene.identity(root),
    )


def _state(session: Session | None) -> str:
    """As a part of the sentence, where a state is known at all."""
    if session is None or session.state is None:
        return ""
    if session.state == UNTOLD:
        return ", whose state is not known (track_activities is off),"
    if session.state_seconds is None:
        return f", {session.state},"
    return f", {session.state} for {duration_text(session.state_seconds)},"


def _root(session: Session | None) -> dict[str, float | int | str | bool | None]:
    if session is None:
        return {"state": "prepared"}
    return {
        "pid": session.pid,
        "user": session.usename,
        "application": session.application_name,
        "client": client_text(session.client_addr, session.backend_type),
        "state": session.state,
        "state_seconds": session.state_seconds,
        "transaction_seconds": session.xact_seconds,
        "query_id": None if session.query_id is None else str(session.query_id),
        "last_statement": normalised(session.query),
    }


def _head(scene: LockScene, root: Holder) -> str | None:
    """Return its first direct waiter: often the session to cancel, if others wait behind it."""
    head = scene.graph.queue_head(root)
    waits = scene.waits([node_of(head)]) if head else []
    return _waiter(scene, waits[0]) if waits else None


def _waiter(scene: LockScene, wait: LockWait) -> str:
    session = scene.sessions.get(wait.node)
    statement = normalised(session.query) if session else None
    return f"{scene.who(wait.node)}, pid {wait.node}, {duration_text(wait.seconds)}: {statement}"


BLOCKERS = "pg_catalog.pg_blocking_pids(pid)"


def _check(root: Holder) -> str:
    if isinstance(root, str):
        return (
            "SELECT gid, prepared, owner, database FROM pg_catalog.pg_prepared_xacts"
            " ORDER BY prepared;"
        )
    return (
        f"SELECT pid, state, wait_event_type, {BLOCKERS}, pg_catalog.left(query, 60)"
        f" FROM {ACTIVITY} WHERE {equals('pid', root)} OR {equals(str(root), f'ANY ({BLOCKERS})')};"
    )


finding = queue_incident("Lock blocker", Limits(), judge, because=("lock_queue_ddl",))
