"""Deadlocks, captured while they last: PostgreSQL lets them be for deadlock_timeout.

Reason: one look at the locks shows the cycle. The look at the sessions comes a moment earlier, so
a statement counts only if it had begun before both looks. Each further look renews the capture,
as long as the cycle exists.

Known limits: a cycle that lasts shorter than the time between two looks is never seen. If two
sessions upgrade their locks on the same object, PostgreSQL refuses at once, without waiting for
deadlock_timeout.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from alerts.cure import identifier
from alerts.locks.graph import Holder
from alerts.locks.graph.digraph import components
from alerts.locks.order.conflict import Party, Scene, transaction_of
from alerts.locks.order.tables import Relation, Tables
from collectors.activity import Session
from collectors.locks import Lock

KEPT = 20
TIMEOUT = 1.0
"""Default deadlock_timeout in seconds; the session that waited first checks first."""


@dataclass(frozen=True, slots=True)
class Captive:
    """One party of a deadlock."""

    party: Party
    """The session; without a statement if it may have been another one."""
    session: Session
    oid: Relation | None
    """Database and OID of the awaited relation,"""
    relation: str | None
    """and the name, as soon as it is known."""
    ctid: tuple[int, int] | None
    locktype: str
    mode: str
    waited_seconds: float
    """When it was last seen."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A deadlock: each captive waits for the next, and the last for the first."""

    captives: tuple[Captive, ...]
    at: float
    """Unix seconds of the first query that saw it."""
    victim: int | None = None
    """Pid of the session that PostgreSQL rolled back; None while the deadlock lasts."""
    victim_is_sure: bool = False
    """Whether it was seen to have lost its transaction, and no other party was."""

    @property
    def key(self) -> str:
        parts = (transaction_of(captive.session) for captive in self.captives)
        return ", ".join(f"{pid}@{start}/{began}" for pid, start, began in sorted(parts, key=str))


@dataclass(slots=True)
class Captures:
    """Recent deadlocks of one server, newest first."""

    kept: deque[Capture] = field(default_factory=lambda: deque(maxlen=KEPT))

    def learn(self, scene: Scene, at: float) -> None:
        for number, known in enumerate(self.kept):
            self.kept[number] = _named(known, scene.tables)
        present = {
            capture.key: capture
            for cycle in scene.graph.cycles
            for capture in _captures(scene, cycle, at)
        }
        for number, known in enumerate(self.kept):
            if known.key in present:
                self.kept[number] = _renewed(known, present[known.key])
            elif known.victim is None:
                self.kept[number] = _resolved(known, scene)
        keys = {known.key for known in self.kept}
        for key, capture in present.items():
            if key not in keys:
                self.kept.appendleft(capture)


def _captures(scene: Scene, cycle: Iterable[Holder], at: float) -> Iterator[Capture]:
    """What of a cycle is held by locks; PostgreSQL reorders a queue of waiters."""
    nodes = sorted(cycle, key=str)
    vertex = {node: number for number, node in enumerate(nodes)}
    edges = [sorted(vertex[n] for n in scene.held_up_by(node) if n in vertex) for node in nodes]
    for members in components(edges):
        ring = _ring(edges, set(members)) if len(members) > 1 else []
        captives = [captive for one in ring if (captive := _captive(scene, nodes[one]))]
        if len(captives) == len(ring) > 1:
            yield Capture(tuple(captives), at)


def _ring(edges: Sequence[Sequence[int]], members: Set[int]) -> list[int]:
    """Some circle among them: each of them has a way on to another."""
    path = [min(members)]
    while (onward := next(v for v in edges[path[-1]] if v in members)) not in path:
        path.append(onward)
    return path[path.index(onward) :]


def _captive(scene: Scene, node: Holder) -> Captive | None:
    session, waits = scene.everybody.get(node), scene.graph.waits.get(node)
    if session is None or not waits:
        return None
    wanted = waits[0]
    contested = scene.contested(node, wanted)
    row = scene.row_lock(node, wanted) if wanted.locktype in ("transactionid", "tuple") else wanted
    about = row if row and row.relation is not None and row.datname is not None else None
    return Captive(
        _party(scene, node, session),
        session,
        (about.datname or "", about.relation or 0) if about else None,
        contested.table.name if contested else _name(row),
        (row.page or 0, row.line_pointer or 0) if row and row.locktype == "tuple" else None,
        wanted.locktype,
        wanted.mode,
        wanted.waited_seconds or 0.0,
    )


def _party(scene: Scene, node: Holder, session: Session) -> Party:
    party, sure = Party.of(session), scene.sessions.get(node)
    return party if sure and sure.query is not None else replace(party, statement=None)


def _name(lock: Lock | None) -> str | None:
    if lock is None or not lock.schemaname or not lock.relname:
        return None
    return identifier(lock.schemaname, lock.relname)


def _named(capture: Capture, tables: Tables) -> Capture:
    """Return the capture with names that became known later."""
    if all(captive.relation or not captive.oid for captive in capture.captives):
        return capture
    tables.learn(c.oid for c in capture.captives if c.oid and not c.relation)
    captives = (
        replace(c, relation=c.relation or (table.name if (table := tables.table(*c.oid)) else None))
        if c.oid
        else c
        for c in capture.captives
    )
    return replace(capture, captives=tuple(captives))


def _renewed(known: Capture, seen: Capture) -> Capture:
    """The newer look at the same circle; with what only the older one could tell."""
    before = {captive.party.pid: captive for captive in known.captives}
    captives = []
    for captive in seen.captives:
        earlier = before.get(captive.party.pid, captive)
        if captive.party.statement is None:
            captive = replace(captive, party=earlier.party)
        captives.append(replace(captive, relation=captive.relation or earlier.relation))
    return replace(known, captives=tuple(captives))


def _resolved(capture: Capture, scene: Scene) -> Capture:
    """Who has lost its transaction: the one that is aborted, or gone while the others go on."""
    everybody = scene.everybody
    gone = [one.party.pid for one in capture.captives if _lost(one.session, everybody)]
    aborted = [pid for pid in gone if pid in everybody and _is_aborted(everybody[pid])]
    for candidates in (aborted, gone):
        if len(candidates) == 1:
            return replace(capture, victim=candidates[0], victim_is_sure=True)
    return replace(capture, victim=_expected(capture))


def _lost(before: Session, everybody: dict[Holder, Session]) -> bool:
    now = everybody.get(before.pid)
    return now is None or transaction_of(now) != transaction_of(before) or _is_aborted(now)


def _is_aborted(session: Session) -> bool:
    return session.state == "idle in transaction (aborted)"


def _expected(capture: Capture) -> int:
    """Each looks for a circle once, deadlock_timeout after it began to wait; who finds it, dies."""
    last = min(captive.waited_seconds for captive in capture.captives)
    in_time = [c for c in capture.captives if c.waited_seconds - last < TIMEOUT]
    return max(in_time, key=lambda captive: captive.waited_seconds).party.pid
