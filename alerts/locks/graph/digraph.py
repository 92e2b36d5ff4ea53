"""Directed graph of numbered vertices: reversal, reachability and components, non-recursive."""

from collections.abc import Iterable, Iterator, Sequence

Edges = Sequence[Sequence[int]]
"""Adjacency list: for each vertex, its successors."""


def reversed_edges(edges: Edges) -> list[list[int]]:
    """Return the graph with all edges reversed."""
    turned: list[list[int]] = [[] for _ in edges]
    for source, targets in enumerate(edges):
        for target in targets:
            turned[target].append(source)
    return turned


def reachable(edges: Edges, starts: Iterable[int], stop: int = 0) -> set[int]:
    """Return all vertices reachable from the starts; paths end at vertices below `stop`."""
    seen: set[int] = set()
    frontier = list(starts)
    while frontier:
        vertex = frontier.pop()
        if vertex not in seen:
            seen.add(vertex)
            if vertex >= stop:
                frontier.extend(edges[vertex])
    return seen


def components(edges: Edges) -> Iterator[list[int]]:
    """Return strongly connected components (Tarjan); each comes after its successors."""
    index: dict[int, int] = {}
    lowest: dict[int, int] = {}
    pending: list[int] = []
    is_pending: set[int] = set()
    for root in range(len(edges)):
        path = [(root, iter(edges[root]))] if root not in index else []
        while path:
            vertex, targets = path[-1]
            if vertex not in index:
                index[vertex] = lowest[vertex] = len(index)
                pending.append(vertex)
                is_pending.add(vertex)
            for target in targets:
                if target not in index:
                    path.append((target, iter(edges[target])))
                    break
                if target in is_pending:
                    lowest[vertex] = min(lowest[vertex], index[target])
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[vertex])
                if lowest[vertex] == index[vertex]:
                    yield _popped(pending, is_pending, vertex)


def _popped(pending: list[int], is_pending: set[int], until: int) -> list[int]:
    component = [pending.pop()]
    while component[-1] != until:
        component.append(pending.pop())
    is_pending.difference_update(component)
    return component
