"""Many sessions queue for one row, such as a counter; they can only update it one by one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import equals, literal, remark
from alerts.limits import BaseLimits
from alerts.locks.graph import Holder, Queue, node_of
from alerts.locks.parties import row_text, session_facts
from alerts.locks.scene import LockScene
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from collectors.activity import activity
from collectors.locks import Lock, locks
from collectors.user_tables import user_tables

LOOKED_AT = 20
"""Sessions of a crowd whose statements are told apart."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    waiters: int = 5
    """Number of sessions in the queue of one row; fewer is ordinary traffic."""

    def relax(self) -> "Limits":
        return replace(self, waiters=max(1, self.waiters - 2))


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    scene = snapshot.once(LockScene.of)
    worst: dict[tuple[str | None, str | None], tuple[int, Queue]] = {}
    for queue in scene.graph.queues:
        first = next(iter((*queue.granted, *queue.waiting)), None)
        if first and first.locktype == "tuple":
            # The first waiter waits for its holder's transaction, and no longer in the row's queue.
            crowd = len(queue.waiting) + len(queue.arriving) + len(queue.granted)
            table = first.datname, scene.relation(first)
            if crowd >= limits.waiters and crowd > worst.get(table, (0,))[0]:
                worst[table] = crowd, queue
    for crowd, queue in worst.values():
        yield evidence(scene, queue, crowd)


def evidence(scene: LockScene, queue: Queue, crowd: int) -> Evidence:
    row = next(iter((*queue.granted, *queue.waiting)))
    relation, database = scene.relation(row) or "a table", row.datname or ""
    ctid, owner = (row.page or 0, row.line_pointer or 0), _owner(scene, queue)
    return Evidence(
        subject=relation,
        severity=Severity.warning,
        value=crowd,
        message=f"{crowd} sessions in {database} queue for one row of {relation}.",
        facts={
            "waiters": crowd,
            "row": row_text(relation, ctid),
            "longest_wait_seconds": max(
                (lock.waited_seconds or 0.0 for lock in queue.waiting), default=0.0
            ),
            **session_facts("has_it", scene.sessions.get(owner) if owner is not None else None),
            **_statements(scene, (*queue.granted, *queue.waiting)),
        },
        cure=(
            remark(
                "No session has to end: each continues in its turn. Find the holder of the row,"
            ),
            remark("and update the row later in its transaction, right before COMMIT."),
            remark("A counter: insert rows and sum them from time to time. A queue: SKIP LOCKED."),
        ),
        check=_check(relation, ctid, named=not relation.startswith("relation ")),
        key=f"rows of relation {row.relation}",  # its name may become known later
        object=relation,
        database=database,
    )


def _owner(scene: LockScene, queue: Queue) -> Holder | None:
    """Return the holder of the row: the first waiter waits for its transaction."""
    for first in queue.granted:
        for blocker in sorted(scene.graph.blockers_of(node_of(first)), key=str):
            return blocker
    return None


def _statements(scene: LockScene, queued: tuple[Lock, ...]) -> dict[str, str | None]:
    sessions = [scene.sessions.get(node_of(lock)) for lock in queued[:LOOKED_AT]]
    texts = dict.fromkeys(normalised(session.query) for session in sessions if session)
    return {f"statement_{number}": text for number, text in enumerate(list(texts)[:3], 1)}


def _check(relation: str, ctid: tuple[int, int], named: bool) -> str:
    if not named:
        return f"SELECT * FROM pg_catalog.pg_locks WHERE {equals('locktype', literal('tuple'))};"
    row = literal(f"({ctid[0]},{ctid[1]})")
    return f"SELECT * FROM {relation} WHERE {equals('ctid', row)};"


finding = Finding(
    title="Contested row",
    severities=(Severity.warning,),
    reads=(locks, activity),
    consults=(user_tables,),
    limits=Limits(),
    judge=judge,
    unit="sessions",
    scope=Reach.database,
    alerted_by=AlertedBy.database,
    hold=timedelta(seconds=3),
    because=("lock_blocker_root",),
    outlives_restart=False,
)
