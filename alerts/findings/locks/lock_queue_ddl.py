"""A DDL statement that waits for its lock makes all later sessions on that table wait too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import ACTIVITY, cancel, remark, session_guard, since, terminate
from alerts.findings.locks._incident import queue_incident
from alerts.limits import BaseLimits
from alerts.locks.cures import (
    applies_changes,
    let_it_apply,
    let_it_finish,
    may_prevent_wraparound,
    release_session,
)
from alerts.locks.graph import Holder, Queue, conflicts, node_of
from alerts.locks.parties import Fact, session_facts
from alerts.locks.scene import LockScene
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import UNTOLD, Session
from collectors.locks import Lock

STRONG = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
"""Lock modes of DDL and LOCK TABLE that block readers or writers."""
COMMAND = 2
"""Length of the statement in the message, which is a metric label; the facts have more."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    waits: Duration = timedelta(seconds=5)
    """Wait of the DDL; with the recommended lock_timeout it has given up by then."""
    waits_critical: Duration = timedelta(seconds=30)
    """Wait of the DDL from which it is critical: connections of applications run out."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    scene = snapshot.once(LockScene.of)
    for queue in scene.graph.queues:
        for waiter in filter(is_ddl, queue.waiting):
            late = (waiter.waited_seconds or 0.0) >= limits.waits.total_seconds()
            if late and (followers := held_up_by(waiter, queue)):
                yield evidence(scene, waiter, followers, limits)


def is_ddl(lock: Lock) -> bool:
    return lock.locktype == "relation" and lock.mode in STRONG


def held_up_by(waiter: Lock, queue: Queue) -> list[Lock]:
    """Return the waiters behind it that conflict only with it, not with the holders."""
    return [
        lock
        for lock in queue.followers_of(waiter)
        if not any(conflicts(lock.mode, held.mode) for held in queue.granted)
    ]


def evidence(scene: LockScene, waiter: Lock, followers: Sequence[Lock], limits: Limits) -> Evidence:
    node, waited = node_of(waiter), waiter.waited_seconds or 0.0
    session, relation = scene.sessions.get(node), scene.relation(waiter)
    critical = waited >= limits.waits_critical.total_seconds()
    command = _command(session.query) if session else ""
    first = _longest(scene, scene.graph.blockers_of(node))
    root = scene.roots().get(node)
    behind = f"{len(followers)} session{'s queue' if len(followers) > 1 else ' queues'}"
    return Evidence(
        subject=f"{waiter.datname}: {relation}, DDL of {scene.who(node)}, pid {node}",
        severity=Severity.critical if critical else Severity.warning,
        value=waited,
        message=(
            f"{scene.who(node)} has waited {duration_text(waited)} for {relation}"
            + (f" to {command}" if command else "")
            + f"; {behind} behind it. It waits for {_described(scene, first)}."
        ),
        facts={
            **session_facts("ddl", session),
            "mode": waiter.mode,
            "relation": relation,
            "waited_seconds": waited,
            **_follower(scene, followers),
            **_blocker(scene, first),
        },
        cure=cure(scene, session, first),
        check=_check(session),
        key=scene.identity(node),
        object=relation,
        database=waiter.datname,
        culprit=scene.identity(root) if root is not None else "",
    )


def cure(scene: LockScene, ddl: Session | None, first: Holder | None) -> tuple[str, ...]:
    if ddl is None:
        return (remark("It ended while the rows were read; check again."),)
    blocker = scene.sessions.get(first) if first is not None else None
    if ddl.backend_type == "startup":
        return _clear_the_way(blocker)
    if applies_changes(ddl):
        return (*let_it_apply(ddl), remark("It waited for:"), *_behind(scene, first, blocker))
    return (
        remark("Cancel the DDL first: all sessions behind it continue at once."),
        cancel(ddl.pid, ddl.backend_start_text or "", ddl.xact_start_text),
        remark("Then repeat it after SET lock_timeout = '2s', until it succeeds at a time"),
        remark("when no session holds the table for long. It waited for:"),
        *_behind(scene, first, blocker),
    )


def _behind(scene: LockScene, first: Holder | None, blocker: Session | None) -> tuple[str, ...]:
    return _instead(blocker) if blocker else (remark(_described(scene, first)),)


def _command(query: str | None) -> str:
    """Return the command of a statement, such as `ALTER TABLE`."""
    return " ".join((normalised(query) or "").split()[:COMMAND])


def _clear_the_way(blocker: Session | None) -> tuple[str, ...]:
    """Replay can't be cancelled: end the query on this standby that it waits for."""
    if blocker is None:
        return (remark("WAL replay waits with a DDL of the primary, and ends by itself."),)
    return (
        remark("WAL replay of a DDL of the primary waits, and must not be ended. It waits for a"),
        remark(f"session of this standby, pid {blocker.pid}:"),
        *release_session(blocker),
        remark("In future: a smaller max_standby_streaming_delay ends such queries."),
    )


def _instead(blocker: Session) -> tuple[str, ...]:
    if may_prevent_wraparound(blocker):
        return let_it_finish(blocker)
    if applies_changes(blocker):
        return let_it_apply(blocker)
    stop = cancel if blocker.state == "active" else terminate
    end = stop(blocker.pid, blocker.backend_start_text or "", blocker.xact_start_text)
    return (remark(f"pid {blocker.pid}, {blocker.state}; if it must go instead: {end}"),)


def _longest(scene: LockScene, nodes: frozenset[Holder]) -> Holder | None:
    """Return the oldest transaction; a prepared one, without a session, counts as the oldest."""

    def age(node: Holder) -> float:
        session = scene.sessions.get(node)
        return float("inf") if session is None else session.xact_seconds or 0.0

    return max(nodes, key=age, default=None)


def _described(scene: LockScene, node: Holder | None) -> str:
    if node is None:
        return "a session that has just released it"
    session = scene.sessions.get(node)
    if session is None:
        return scene.who(node)
    if session.state == UNTOLD:
        return f"{scene.who(node)}, pid {node}, whose state is not known (track_activities is off)"
    open_for = duration_text(session.xact_seconds or 0)
    return f"{scene.who(node)}, pid {node}, {session.state}, in a transaction open for {open_for}"


def _blocker(scene: LockScene, node: Holder | None) -> Mapping[str, Fact]:
    session = scene.sessions.get(node) if node is not None else None
    return {
        "waits_for": scene.who(node) if node is not None else None,
        "waits_for_state": session.state if session else None,
        "waits_for_transaction_seconds": session.xact_seconds if session else None,
        **session_facts("waits_for", session),
    }


def _follower(scene: LockScene, followers: Sequence[Lock]) -> Mapping[str, Fact]:
    longest = max(followers, key=lambda lock: lock.waited_seconds or 0.0)
    return {
        "followers": len(followers),
        "longest_follower_seconds": longest.waited_seconds,
        **session_facts("follower", scene.sessions.get(node_of(longest))),
    }


def _check(ddl: Session | None) -> str:
    guard = session_guard(ddl.pid, ddl.backend_start_text or "", None) if ddl else "false"
    return (
        "SELECT pid, state, pg_catalog.pg_blocking_pids(pid),"
        f" {since('query_start')} AS waiting, pg_catalog.left(query, 60)"
        f" FROM {ACTIVITY} WHERE {guard};"
    )


finding = queue_incident("Traffic queues behind DDL", Limits(), judge)
