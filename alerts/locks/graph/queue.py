"""Queue of a contested lock: its holders, and its waiters in order."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from alerts.locks.graph.conflicts import conflicts
from collectors.locks import Lock

Holder: TypeAlias = int | str
"""A session, by the pid of its parallel leader, or a prepared transaction, by its virtual id."""

tag_of = attrgetter(
    "locktype",
    "database",
    "relation",
    "page",
    "line_pointer",
    "virtualxid",
    "transactionid",
    "classid",
    "objid",
    "objsubid",
)


def node_of(lock: Lock) -> Holder:
    if lock.pid is None:
        return lock.virtualtransaction
    return lock.leader_pid or lock.pid


@dataclass(frozen=True, slots=True)
class Queue:
    """All locks on one object, at least one of which is not granted."""

    granted: tuple[Lock, ...]
    waiting: tuple[Lock, ...]
    """Waiters in the order of the queue."""
    arriving: tuple[Lock, ...]
    """Waits that just began; PostgreSQL does not show their position yet."""

    def first_waiting_for(self, holder: Holder, mode: str) -> Lock | None:
        """Return the first waiter that conflicts with a mode held by this session."""
        return next(
            (
                lock
                for lock in (*self.waiting, *self.arriving)
                if conflicts(lock.mode, mode) and node_of(lock) != holder
            ),
            None,
        )

    def followers_of(self, waiter: Lock) -> list[Lock]:
        """Return the waiters that must wait for this waiter."""
        index = self.waiting.index(waiter) if waiter in self.waiting else len(self.waiting)
        return [
            lock
            for lock in self.waiting[index + 1 :]
            if conflicts(lock.mode, waiter.mode) and node_of(lock) != node_of(waiter)
        ]


def queues_of(rows: Iterable[Lock]) -> list[Queue]:
    """Build a queue for each contested lock."""
    tagged = [(tag_of(lock), lock) for lock in rows if lock.mode != "SIReadLock"]
    contested = {tag for tag, lock in tagged if not lock.granted}
    locks = defaultdict(list)
    for tag, lock in tagged:
        if tag in contested:
            locks[tag].append(lock)
    return [_queue(same_tag) for same_tag in locks.values()]


def _queue(locks: Sequence[Lock]) -> Queue:
    granted = tuple(lock for lock in locks if lock.granted)
    placed = [lock for lock in locks if lock.waited_seconds is not None and not lock.granted]
    placed.sort(key=lambda lock: lock.waited_seconds or 0.0, reverse=True)
    return Queue(
        granted=granted,
        waiting=tuple(_in_order(granted, placed)),
        arriving=tuple(lock for lock in locks if not lock.granted and lock.waited_seconds is None),
    )


def _in_order(granted: Sequence[Lock], oldest_first: Iterable[Lock]) -> list[Lock]:
    """Insert an upgrade (a waiter that already holds the lock) before the waiters it blocks."""
    held: dict[Holder, set[str]] = defaultdict(set)
    for lock in granted:
        held[node_of(lock)].add(lock.mode)
    queue: list[Lock] = []
    for lock in oldest_first:
        queue.insert(_place(queue, lock, held.get(node_of(lock), set())), lock)
    return queue


def _place(queue: Sequence[Lock], newcomer: Lock, held: set[str]) -> int:
    if held:
        for index, lock in enumerate(queue):
            if node_of(lock) != node_of(newcomer) and any(conflicts(lock.mode, m) for m in held):
                return index
    return len(queue)
