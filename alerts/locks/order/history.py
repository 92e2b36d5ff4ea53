"""The lock order as a kind of history: what the looks at the locks of one server have taught."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.history.kind import HomeThread, SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.locks.graph import LockGraph
from alerts.locks.order.captures import Capture
from alerts.locks.order.patterns import Hint
from alerts.locks.order.risks import Risk
from alerts.locks.order.row_order import Disorder
from alerts.locks.order.store import NAMING, LockStore
from collectors._base import AnyAnswer, AnyCollector
from collectors.activity import activity
from collectors.held_rows import held_rows
from collectors.locks import Lock, locks
from collectors.open_transactions import open_transactions

FRESH = 60.0
"""Seconds for which weights are taken as they were: they halve within a day."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Conclusions from all looks, with weights as of one time."""

    risks: tuple[Risk, ...] = ()
    """Surest first."""
    hints: tuple[Hint, ...] = ()
    """What statements alone tell."""
    disorders: tuple[Disorder, ...] = ()
    """Of every table that has something to be told of, however seldom it was seen."""


@dataclass(frozen=True, slots=True)
class LockOrderView:
    """View of what was learned up to the newest look."""

    lessons: Lessons
    captures: tuple[Capture, ...]
    """The last deadlocks, newest first."""
    nameless: frozenset[str]
    """Databases in which a table is locked that has come after the newest answer about tables."""
    rows: Sequence[Lock]
    """The newest look,"""
    graph: LockGraph
    """and its graph."""
    learned_at: float | None
    """When it last learned something (unix seconds); None: it has seen no lock yet."""
    size: int
    """How much is remembered: steps, statements and deadlocks."""

    @property
    def risks(self) -> tuple[Risk, ...]:
        return self.lessons.risks

    @property
    def hints(self) -> tuple[Hint, ...]:
        return self.lessons.hints

    @property
    def disorders(self) -> tuple[Disorder, ...]:
        return self.lessons.disorders


class LockOrder(SingleHistory[LockOrderView]):
    """History of lock orders, of conflicts seen, and of deadlocks; there is one per server."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return locks, activity, open_transactions, held_rows, *NAMING

    @property
    def home(self) -> HomeThread:
        """Run in the event loop, which queries locks several times a second during waits."""
        return HomeThread.loop

    def recorder(self, memory: Memory, namespace: Namespace) -> "LockOrderRecorder":
        return LockOrderRecorder()


LOCK_ORDER = LockOrder()


class LockOrderRecorder:
    """Feeds the store with each look, and makes a view of it only when it has changed."""

    def __init__(self) -> None:
        self._view: LockOrderView | None = None
        self.restart()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        self._store.take(collector, answer)
        self._view = None

    def restart(self) -> None:
        self._store = LockStore()
        self._lessons = Lessons()
        self._learned: tuple[int, float] = (0, 0.0)
        """Of the lessons: the version of the store, and the time of their weights."""
        self._view = None

    def view(self, at: float) -> LockOrderView:
        if self._view is None or self._is_stale(at):
            self._view = self._made(at)
        return self._view

    def _is_stale(self, at: float) -> bool:
        version, weighed = self._learned
        return version != self._store.version or abs(at - weighed) >= FRESH

    def _made(self, at: float) -> LockOrderView:
        store = self._store
        if self._is_stale(at):
            self._lessons = Lessons(
                tuple(store.risks(at)),
                tuple(store.table_order.hints(at)),
                tuple(store.disorders(at)),
            )
            self._learned = store.version, at
        return LockOrderView(
            lessons=self._lessons,
            captures=tuple(store.captures.kept),
            nameless=frozenset(store.tables.nameless()),
            rows=store.rows,
            graph=store.graph,
            learned_at=store.learned_at,
            size=store.size,
        )
