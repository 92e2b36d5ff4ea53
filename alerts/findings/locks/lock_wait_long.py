"""A session has waited for a lock for long; the request of its client stands still."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import ACTIVITY, equals, literal, remark, since
from alerts.findings.locks._incident import queue_incident
from alerts.limits import BaseLimits
from alerts.locks.cures import release
from alerts.locks.graph import Holder
from alerts.locks.parties import Fact, session_facts
from alerts.locks.scene import LockScene, LockWait
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text

ON_PURPOSE = ("virtualxid",)
"""CREATE INDEX CONCURRENTLY waits for older transactions by design."""

SHOWN = 10
"""Of sessions that wait for the same behind the same one, the longest waits are reported singly."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    waits: Duration = timedelta(seconds=15)
    """A wait after which most clients have given up."""
    waits_critical: Duration = timedelta(seconds=60)
    """A wait after which connections of an application run out."""
    advisory: Duration = timedelta(minutes=10)
    """The limit for advisory locks: leader election and job queues wait for them on purpose."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    scene = snapshot.once(LockScene.of)
    late = [(w, found) for w in scene.waits(scene.graph.waits) if (found := gravity(w, limits))]
    roots = scene.roots() if late else {}
    crowds: dict[tuple[Holder | None, str | None, str], list[tuple[LockWait, Severity]]] = {}
    for wait, severity in late:
        crowd = roots.get(wait.node), scene.relation(wait.lock), wait.lock.locktype
        crowds.setdefault(crowd, []).append((wait, severity))
    for (root, relation, _), waits in crowds.items():
        for wait, severity in waits[:SHOWN]:
            yield evidence(scene, wait, severity, root)
        if rest := waits[SHOWN:]:
            yield folded(scene, rest, root, relation)


def gravity(wait: LockWait, limits: Limits) -> Severity | None:
    if wait.lock.locktype in ON_PURPOSE:
        return None
    if wait.lock.locktype == "advisory":
        late = wait.seconds >= limits.advisory.total_seconds()
        return Severity.warning if late else None
    if wait.seconds >= limits.waits_critical.total_seconds():
        return Severity.critical
    return Severity.warning if wait.seconds >= limits.waits.total_seconds() else None


def evidence(scene: LockScene, wait: LockWait, severity: Severity, root: Holder | None) -> Evidence:
    session, relation = scene.sessions.get(wait.node), scene.relation(wait.lock)
    database = scene.database(wait.node)
    behind = f", behind {scene.who(root)}" if root is not None else ""
    what = relation or f"a lock ({wait.lock.locktype})"
    return Evidence(
        subject=f"{database or 'no database'}: {scene.who(wait.node)}, pid {wait.node}",
        severity=severity,
        value=wait.seconds,
        message=(
            f"{scene.who(wait.node)}{scene.place(wait.node)} has waited"
            f" {duration_text(wait.seconds)} for {what}{behind}."
        ),
        facts={
            **session_facts("waiter", session),
            "waits_for": wait.lock.locktype,
            "mode": wait.lock.mode,
            "relation": relation,
            "row": scene.row(wait.lock),
            "waited_seconds": wait.seconds,
            "others_in_front": len(scene.graph.blockers_of(wait.node)),
            **_root(scene, root),
        },
        cure=cure(scene, root),
        check=(
            "SELECT pid, state, pg_catalog.pg_blocking_pids(pid) AS waits_for,"
            f" {since('query_start')} AS since, pg_catalog.left(query, 60)"
            f" FROM {ACTIVITY} WHERE {equals('pid', wait.lock.pid or 0)};"
        ),
        key=scene.identity(wait.node),
        object=relation,
        database=database,
        culprit=scene.identity(root) if root is not None else "",
    )


def folded(
    scene: LockScene,
    waits: Sequence[tuple[LockWait, Severity]],
    root: Holder | None,
    relation: str | None,
) -> Evidence:
    """Report all the others as one: they have one cause, and one cure."""
    longest, severity = waits[0]
    database = scene.database(longest.node)
    what = relation or f"a lock ({longest.lock.locktype})"
    behind = f" behind {scene.who(root)}" if root is not None else ""
    front = scene.identity(root) if root is not None else "None"
    return Evidence(
        subject=f"{database or 'no database'}: others{behind}, {what}",
        severity=severity,
        value=longest.seconds,
        message=(
            f"{len(waits)} more sessions{scene.place(longest.node)} have waited up to"
            f" {duration_text(longest.seconds)} for {what}{behind}."
        ),
        facts={
            "sessions": len(waits),
            "waits_for": longest.lock.locktype,
            "relation": relation,
            "waited_seconds": longest.seconds,
            **_root(scene, root),
        },
        cure=cure(scene, root),
        check=(
            f"SELECT pid, state, {since('query_start')} AS since, pg_catalog.left(query, 60)"
            f" FROM {ACTIVITY} WHERE {equals('wait_event_type', literal('Lock'))};"
        ),
        key=f"others: {front}, {what}",
        object=relation,
        database=database,
        culprit=front if root is not None else "",
    )


def _root(scene: LockScene, root: Holder | None) -> Mapping[str, Fact]:
    session = scene.sessions.get(root) if root is not None else None
    return {
        "root": scene.who(root) if root is not None else None,
        "root_state": session.state if session else None,
        "root_transaction_seconds": session.xact_seconds if session else None,
        **session_facts("root", session),
    }


def cure(scene: LockScene, root: Holder | None) -> tuple[str, ...]:
    if root is None:
        return (
            remark("No session holds it any more, or a deadlock is being resolved; check again."),
        )
    return (
        remark(f"At the front is {scene.who(root)}, which waits for no lock itself. Once it ends,"),
        remark("the first session behind it continues, and the next one after that:"),
        *release(scene, root),
    )


finding = queue_incident(
    "Long wait for a lock", Limits(), judge, because=("lock_blocker_root", "lock_queue_ddl")
)
