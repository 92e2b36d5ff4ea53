"""Lock store: all observations about the locks of one server, updated by each query."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from alerts.locks.graph import Holder, LockGraph, node_of
from alerts.locks.order.captures import Captures
from alerts.locks.order.conflict import Conflict, Scene
from alerts.locks.order.row_order import RowOrder
from alerts.locks.order.table_order import TableOrder
from alerts.locks.order.tables import Relation, Tables
from collectors._base import Answer, AnyAnswer, AnyCollector
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.sequences import sequences
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

NAMING = (user_tables, user_indexes, sequences)
CONFLICTS = 10
"""Number of waiters of the same blocker that are used for learning from one query."""


@dataclass(slots=True)
class LockStore:
    tables: Tables = field(default_factory=Tables)
    table_order: TableOrder = field(default_factory=TableOrder)
    row_order: RowOrder = field(default_factory=RowOrder)
    captures: Captures = field(default_factory=Captures)
    sessions: dict[Holder, Session] = field(default_factory=dict)
    graph: LockGraph = field(default_factory=lambda: LockGraph.of(()))
    learned_at: float | None = None
    """When it last learned something; None: it has seen no lock yet."""
    rows: Sequence[Lock] = ()
    """The newest look, of which the graph is made."""

    def take(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        """Learn from an answer, if it is one of those that concern locks."""
        if collector in NAMING:
            if dropped := self.tables.take(collector, answer):
                self.table_order.forget(dropped)
                self.row_order.forget(dropped)
        elif collector is activity:
            self.sessions = {session.pid: session for session in answer.rows}
            self.table_order.patterns.learn(answer.rows, answer.at)
        elif collector is locks:
            self._learn(answer)

    @property
    def size(self) -> int:
        return len(self.table_order) + len(self.row_order) + len(self.captures.kept)

    @property
    def version(self) -> int:
        """Grows whenever risks or disorders may have changed."""
        return self.table_order.version + self.row_order.version

    def _learn(self, answer: Answer[Lock]) -> None:
        rows, at = answer.rows, answer.at
        self.graph, self.rows, self.learned_at = LockGraph.of(rows), rows, at
        self.tables.learn(self._relations(rows))
        scene = Scene(rows, self.graph, self.sessions, self.tables)
        self.captures.learn(scene, at)
        conflicts = list(_some(scene.conflicts()))
        self.table_order.learn(scene, conflicts, at)
        for conflict in conflicts:
            self.row_order.learn(conflict, scene.next_contested(conflict.blocker), at)

    def _relations(self, rows: Iterable[Lock]) -> Iterator[Relation]:
        for lock in rows:
            session = self.sessions.get(node_of(lock))
            database = lock.datname or (session.datname if session else None)
            if database:
                yield from ((database, oid) for oid in lock.writes or ())
                if lock.relation:
                    yield database, lock.relation


def _some(conflicts: Iterable[Conflict]) -> Iterator[Conflict]:
    """A few of each blocker."""
    had: Counter[int] = Counter()
    for conflict in conflicts:
        had[conflict.blocker.pid] += 1
        if had[conflict.blocker.pid] <= CONFLICTS:
            yield conflict
