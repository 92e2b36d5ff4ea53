"""Lock graph: an edge leads from a waiter to a session that it must wait for."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from alerts.locks.graph.conflicts import CONFLICTING
from alerts.locks.graph.digraph import components, reachable, reversed_edges
from alerts.locks.graph.queue import Holder, Queue, node_of, queues_of
from collectors.locks import Lock


@dataclass(frozen=True, slots=True)
class LockGraph:
    """Graph of sessions. The first vertices are sessions; the others stand for all holders of a
    lock in a mode, or for all earlier waiters in a mode. So there are as many edges as rows: 500
    waiters of one row would have 125,000 pairs.
    """

    queues: tuple[Queue, ...]
    waits: dict[Holder, list[Lock]]
    """Awaited locks by session: one, except for parallel groups."""
    cycles: tuple[frozenset[Holder], ...]
    """Groups of sessions in a deadlock, which PostgreSQL resolves after deadlock_timeout."""
    longest_chain: tuple[Holder, ...]
    """The longest chain of waits, from its last waiter to its root."""
    roots: tuple[Holder, ...]
    """Sessions that block others and wait for no lock."""
    _holdings: dict[Holder, list[tuple[Queue, str]]] = field(repr=False)
    _nodes: list[Holder] = field(repr=False)
    _vertex: dict[Holder, int] = field(repr=False)
    _blockers: list[list[int]] = field(repr=False)
    _waiters: list[list[int]] = field(repr=False)

    @classmethod
    def of(cls, rows: Iterable[Lock]) -> "LockGraph":
        queues = queues_of(rows)
        waits: dict[Holder, list[Lock]] = {}
        for queue in queues:
            for lock in (*queue.waiting, *queue.arriving):
                waits.setdefault(node_of(lock), []).append(lock)
        holdings: dict[Holder, list[tuple[Queue, str]]] = {}
        for queue in queues:
            for lock in queue.granted:
                holdings.setdefault(node_of(lock), []).append((queue, lock.mode))
        nodes = list(dict.fromkeys((*waits, *holdings)))
        vertex = {node: number for number, node in enumerate(nodes)}
        blockers = _blockers(queues, vertex)
        waiters = reversed_edges(blockers)
        cycles, chain = _cycles_and_chain(blockers, len(nodes))
        return cls(
            queues=tuple(queues),
            waits=waits,
            cycles=tuple(frozenset(nodes[v] for v in cycle) for cycle in cycles),
            longest_chain=tuple(nodes[v] for v in chain),
            roots=tuple(
                node
                for node in nodes
                # Others wait for its lock; it is not merely in the same queue.
                if node not in waits and any(waiters[held] for held in waiters[vertex[node]])
            ),
            _holdings=holdings,
            _nodes=nodes,
            _vertex=vertex,
            _blockers=blockers,
            _waiters=waiters,
        )

    def blockers_of(self, node: Holder) -> frozenset[Holder]:
        """Return the sessions that it waits for directly: holders, and earlier waiters."""
        return self._next(self._blockers, node, stop=len(self._nodes))

    def victims_of(self, node: Holder) -> frozenset[Holder]:
        """Return all sessions that wait for it, directly or indirectly."""
        return self._next(self._waiters, node, stop=0)

    def queue_head(self, root: Holder) -> Lock | None:
        """Return the first waiter of its lock with the most waiters.

        This is often the session to cancel: an ALTER TABLE that waits before many readers.
        """
        heads = [
            (len(queue.waiting), head.waited_seconds or 0.0, head)
            for queue, mode in self._holdings.get(root, ())
            if (head := queue.first_waiting_for(root, mode))
        ]
        return max(heads, key=lambda head: head[:2])[2] if heads else None

    def waited_seconds(self, nodes: Iterable[Holder]) -> float | None:
        """Return the longest wait of these sessions in seconds; None if none is waiting."""
        locks = (lock for node in nodes for lock in self.waits.get(node, ()))
        return max((w for lock in locks if (w := lock.waited_seconds) is not None), default=None)

    def _next(self, edges: list[list[int]], node: Holder, stop: int) -> frozenset[Holder]:
        if node not in self._vertex:
            return frozenset()
        found = reachable(edges, edges[self._vertex[node]], stop)
        return frozenset(self._nodes[v] for v in found if v < len(self._nodes)) - {node}


def _blockers(queues: Iterable[Queue], vertex: dict[Holder, int]) -> list[list[int]]:
    edges: list[list[int]] = [[] for _ in vertex]
    for queue in queues:
        holders = _holders(queue, vertex, edges)
        ahead: dict[str, int] = {}
        for lock in queue.waiting:
            own = vertex[node_of(lock)]
            edges[own] += _conflicting(lock.mode, holders) + _conflicting(lock.mode, ahead)
            edges.append([own, ahead[lock.mode]] if lock.mode in ahead else [own])
            ahead[lock.mode] = len(edges) - 1
        for lock in queue.arriving:
            edges[vertex[node_of(lock)]] += _conflicting(lock.mode, holders)
    return edges


def _holders(queue: Queue, vertex: dict[Holder, int], edges: list[list[int]]) -> dict[str, int]:
    """Add a vertex for each held mode, with edges to all its holders."""
    holders: dict[str, int] = {}
    for lock in queue.granted:
        if lock.mode not in holders:
            holders[lock.mode] = len(edges)
            edges.append([])
        edges[holders[lock.mode]].append(vertex[node_of(lock)])
    return holders


def _conflicting(mode: str, vertices: dict[str, int]) -> list[int]:
    return [vertices[other] for other in CONFLICTING[mode] if other in vertices]


def _cycles_and_chain(edges: list[list[int]], nodes: int) -> tuple[list[list[int]], list[int]]:
    """Find cycles (components with more than one session), and the longest chain."""
    cycles = []
    component_of: dict[int, int] = {}
    chains: list[tuple[int, list[int], int | None]] = []
    for number, component in enumerate(components(edges)):
        members = [v for v in component if v < nodes]
        if len(members) > 1:
            cycles.append(members)
        component_of.update(dict.fromkeys(component, number))
        onward = {component_of[t] for v in component for t in edges[v]} - {number}
        best = max(onward, key=lambda other: chains[other][0], default=None)
        length = len(members) + (chains[best][0] if best is not None else 0)
        chains.append((length, members, best))
    return cycles, _chain(chains)


def _chain(chains: list[tuple[int, list[int], int | None]]) -> list[int]:
    length, members, onward = max(chains, key=lambda chain: chain[0], default=(0, [], None))
    if length < 2:
        return []
    path = list(members)
    while onward is not None:
        _, members, onward = chains[onward]
        path += members
    return path
