"""Who waits for whom, as an indented tree: for the page, and for the terminal."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from alerts.locks.graph import Holder, conflicts, node_of
from alerts.locks.order import Capture, Level, Risk
from alerts.locks.scene import LockScene
from alerts.query_text import normalised
from alerts.snapshot import Snapshot, Unknown
from collectors.locks import Lock, locks

MOST = 200
"""So many sessions of the forest are shown; the rest is counted."""
ALIKE = 2
"""Of those who wait behind the same one in the same statement so many are shown."""
FRESH = 5.0
"""Seconds within which a look is of the present; the fast lane looks each second."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One session in the tree: it waits for the one above it that is indented less."""

    depth: int
    node: Holder
    who: str
    database: str | None
    state: str | None
    seconds: float | None
    """It has waited so long; of a root, in its present state."""
    waits_for: str | None
    """The row, the table, or the kind of lock; None of a root."""
    statement: str | None
    in_circle: bool = False
    transaction_seconds: float | None = None
    """Of a root: how long its transaction has been open."""
    victims: int = 0
    """Of a root: so many go on when it ends."""
    more: int = 0
    """So many others wait behind the same one, for the same, in the same statement."""


@dataclass(frozen=True, slots=True)
class LockView:
    """All that is known of the locks of one server."""

    unknown: str | None = None
    """Why nothing is known."""
    seen: float | None = None
    """When (unix seconds) the server told who waits."""
    forest: tuple[Branch, ...] = ()
    left_out: int = 0
    captures: tuple[Capture, ...] = ()
    """The last deadlocks, newest first."""
    risks: tuple[Risk, ...] = ()

    def silence(self, now: float) -> float | None:
        """Seconds for which there was no answer, if it is longer than it should be."""
        late = now - self.seen if self.seen is not None else 0.0
        return late if late > FRESH else None


NOTHING_KNOWN = LockView(unknown="not asked yet")


def lock_view(snapshot: Snapshot) -> LockView:
    try:
        rows, book = snapshot.rows(locks), snapshot.lock_store()
        somebody_waits = any(not lock.granted for lock in rows)
        forest = list(Forest(LockScene.of(snapshot)).branches()) if somebody_waits else []
    except Unknown as unknown:
        return LockView(unknown=": ".join(filter(None, (unknown.reason, unknown.grant))))
    return LockView(
        seen=snapshot.answer(locks).at,
        forest=tuple(forest[:MOST]),
        left_out=sum(1 + branch.more for branch in forest[MOST:]),
        captures=tuple(book.captures.kept),
        risks=tuple(r for r in book.orders.risks(snapshot.at) if r.level is Level.opposed),
    )


@dataclass(slots=True)
class Forest:
    """Each waiter under one of those it waits for: who holds the lock, else who is ahead."""

    scene: LockScene
    children: dict[Holder, list[Holder]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for waiter, parent in parents(self.scene).items():
            self.children.setdefault(parent, []).append(waiter)

    def branches(self) -> Iterator[Branch]:
        """Depth first, the largest tree first; circles have no root, and come before all."""
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
        """Its children, the longest wait last; of those who are alike only some, and how many
        more there are."""
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
        """Whoever has somebody behind is like nobody else."""
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
        )

    def _waited(self, node: Holder) -> float:
        return self.scene.graph.waited_seconds([node]) or 0.0

    def _size(self, node: Holder) -> int:
        return len(self.scene.graph.victims_of(node))


def _wanted(scene: LockScene, lock: Lock) -> str:
    return scene.row(lock) or scene.relation(lock) or lock.locktype


def parents(scene: LockScene) -> Mapping[Holder, Holder]:
    """For each waiter, the one it is shown under."""
    found: dict[Holder, Holder] = {}
    for queue in scene.graph.queues:
        line = (*queue.waiting, *queue.arriving)
        for place, wanted in enumerate(line):
            waiter = node_of(wanted)
            ahead = _in_the_way(wanted, (*queue.granted, *line[:place]))
            if ahead is not None:
                found.setdefault(waiter, ahead)
    return found


def _in_the_way(wanted: Lock, others: Iterable[Lock]) -> Holder | None:
    own = node_of(wanted)
    return next(
        (node_of(o) for o in others if conflicts(wanted.mode, o.mode) and node_of(o) != own), None
    )
