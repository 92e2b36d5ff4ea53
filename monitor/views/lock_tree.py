"""Lock waits as an indented tree, for the page and the terminal."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from alerts.locks.cures import release
from alerts.locks.graph import Holder, conflicts, node_of
from alerts.locks.order import LOCK_ORDER, Capture, Level, Risk
from alerts.locks.scene import LockScene
from alerts.query_text import normalised
from alerts.snapshot import Snapshot, Unknown
from collectors.locks import Lock, locks

MOST = 200
"""Number of sessions shown; the others are counted."""
ALIKE = 2
"""Number of sessions shown that wait behind the same session in the same statement."""
FRESH = 5.0
"""Seconds after which the rows are stale; the fast lane queries every second."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A session in the tree. It waits for the nearest session above it with a smaller depth."""

    depth: int
    node: Holder
    who: str
    database: str | None
    state: str | None
    seconds: float | None
    """How long it has waited; for a root, how long it has been in its state."""
    waits_for: str | None
    """The row, the table, or the type of lock; None for a root."""
    statement: str | None
    in_circle: bool = False
    transaction_seconds: float | None = None
    """For a root: how long its transaction has been open."""
    victims: int = 0
    """For a root: how many sessions wait for it, directly or indirectly."""
    cure: tuple[str, ...] = ()
    """For a root: statements that end its lock."""
    key: str | None = None
    """For a root: the key of its evidence in `lock_blocker_root`."""
    more: int = 0
    """How many other sessions wait in the same way, and are not shown."""


@dataclass(frozen=True, slots=True)
class LockView:
    """Lock waits, deadlocks and deadlock risks of one server."""

    unknown: str | None = None
    """Why the locks are unknown; None if they are known."""
    seen: float | None = None
    """Unix seconds of the rows."""
    forest: tuple[Branch, ...] = ()
    left_out: int = 0
    captures: tuple[Capture, ...] = ()
    """Recent deadlocks, newest first."""
    risks: tuple[Risk, ...] = ()

    def silence(self, now: float) -> float | None:
        """Return the age of the rows in seconds if they are stale, else None."""
        late = now - self.seen if self.seen is not None else 0.0
        return late if late > FRESH else None


NOTHING_KNOWN = LockView(unknown="not queried yet")


def lock_view(snapshot: Snapshot) -> LockView:
    try:
        rows, learned = snapshot.rows(locks), snapshot.of(LOCK_ORDER)
        any_waiting = any(not lock.granted for lock in rows)
        forest = list(Forest(LockScene.of(snapshot)).branches()) if any_waiting else []
    except Unknown as unknown:
        return LockView(unknown=": ".join(filter(None, (unknown.reason, unknown.grant))))
    return LockView(
        seen=snapshot.answer(locks).at,
        forest=tuple(forest[:MOST]),
        left_out=sum(1 + branch.more for branch in forest[MOST:]),
        captures=learned.captures,
        risks=tuple(r for r in learned.risks if r.level is Level.opposed),
    )


@dataclass(slots=True)
class Forest:
    """Trees of sessions: each waiter is a child of a holder of its lock, or of one ahead of it."""

    scene: LockScene
    children: dict[Holder, list[Holder]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for waiter, parent in parents(self.scene).items():
            self.children.setdefault(parent, []).append(waiter)

    def branches(self) -> Iterator[Branch]:
        """Yield all branches depth first: cycles, which have no root, then the largest trees."""
        circles = [member for cycle in self.scene.graph.cycles for member in cycle]
        roots = sorted(self.scene.graph.roots, key=self._size, reverse=True)
        seen: set[Holder] = set()
        for start in (*circles, *roots):
            yield from self._tree(start, seen, set(circles))

    def _tree(self, start: Holder, seen: set[Holder], circles: set[Holder]) -> Iterator[Branch]:
        path = [(start, 0, 0)]
        while path:
            node, depth, more = path.pop()
            if node not in seen:
                seen.add(node)
                yield replace(self._branch(node, depth, node in circles), more=more)
                path += [(child, depth + 1, more) for child, more in self._below(node)]

    def _below(self, node: Holder) -> list[tuple[Holder, int]]:
        """Return the children to show, the longest wait last, each with the number of similar
        children that are not shown."""
        alike = Counter(map(self._kind, self.children.get(node, ())))
        shown: Counter[Hashable] = Counter()
        below: list[tuple[Holder, int]] = []
        for child in sorted(self.children.get(node, ()), key=self._waited, reverse=True):
            kind = self._kind(child)
            shown[kind] += 1
            if shown[kind] <= ALIKE:
                below.append((child, alike[kind] - ALIKE if shown[kind] == ALIKE else 0))
        return below[::-1]

    def _kind(self, node: Holder) -> Hashable:
        """Return a key that similar waiters share; a session with waiters of its own is unique."""
        if node in self.children:
            return node
        branch = self._branch(node, 0, False)
        return branch.who, branch.database, branch.waits_for, branch.statement

    def _branch(self, node: Holder, depth: int, in_circle: bool) -> Branch:
        scene, session = self.scene, self.scene.sessions.get(node)
        wanted = next(iter(scene.graph.waits.get(node, ())), None)
        return Branch(
            depth=depth,
            node=node,
            who=scene.who(node),
            database=scene.database(node),
            state=session.state if session else "prepared" if isinstance(node, str) else None,
            seconds=wanted.waited_seconds if wanted else session.state_seconds if session else None,
            waits_for=_wanted(scene, wanted) if wanted else None,
            statement=normalised(session.query) if session else None,
            in_circle=in_circle,
            transaction_seconds=session.xact_seconds if session and not wanted else None,
            victims=0 if wanted else self._size(node),
            cure=() if wanted else release(scene, node),
            key=None if wanted else session.key if session else str(node),
        )

    def _waited(self, node: Holder) -> float:
        return self.scene.graph.waited_seconds([node]) or 0.0

    def _size(self, node: Holder) -> int:
        return len(self.scene.graph.victims_of(node))


def _wanted(scene: LockScene, lock: Lock) -> str:
    return scene.row(lock) or scene.relation(lock) or lock.locktype


def parents(scene: LockScene) -> Mapping[Holder, Holder]:
    """Map each waiter to the session it is shown under."""
    found: dict[Holder, Holder] = {}
    for queue in scene.graph.queues:
        line = (*queue.waiting, *queue.arriving)
        for index, wanted in enumerate(line):
            waiter = node_of(wanted)
            ahead = _blocker(wanted, (*queue.granted, *line[:index]))
            if ahead is not None:
                found.setdefault(waiter, ahead)
    return found


def _blocker(wanted: Lock, others: Iterable[Lock]) -> Holder | None:
    own = node_of(wanted)
    return next(
        (node_of(o) for o in others if conflicts(wanted.mode, o.mode) and node_of(o) != own), None
    )
