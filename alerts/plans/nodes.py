"""Nodes of a plan, from what EXPLAIN (FORMAT JSON, VERBOSE) says; expressions are not kept."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerts.plans.expressions import Column, Compared, column, compared, sort_column
from collectors.plans import Condition, PlanNode

MOST = 200
"""Nodes of a plan that are kept."""
FILTERS = ("Filter", "Index Cond", "Recheck Cond")
JOINS = ("Hash Cond", "Merge Cond", "Join Filter")
Known = Mapping[str, Any]


def nodes(plan: Known) -> tuple[PlanNode, ...]:
    """Return the nodes of a plan, each before its children."""
    walked = list(_walk(plan, 0, (), ()))[:MOST]
    joins = [one for node, _, _ in (step[:3] for step in walked) for one in _joins(node)]
    return tuple(_node(*step, joins) for step in walked)


Step = tuple[Known, int, Sequence[str]]


def _walk(node: Known, depth: int, sort: Sequence[str], above: Sequence[str]) -> Iterator[Step]:
    """Yield each node with its depth, and the keys of a sort that sorts what it returns."""
    yield node, depth, sort
    kind = str(node.get("Node Type", ""))
    own = node.get("Sort Key") if kind in ("Sort", "Incremental Sort") else None
    keys = own if own is not None else sort if kind in ("Limit", "Gather Merge", "Gather") else ()
    for child in node.get("Plans", ()):
        yield from _walk(child, depth + 1, keys, above)


def _joins(node: Known) -> Iterator[Compared]:
    for name in JOINS:
        if name in node:
            yield from compared(str(node[name]))[0]


def _node(node: Known, depth: int, sort: Sequence[str], joins: Sequence[Compared]) -> PlanNode:
    alias = _name(node, "Alias")
    conditions, unread = _conditions(node, alias)
    return PlanNode(
        depth=depth,
        kind=str(node.get("Node Type", "")),
        rows=float(node.get("Plan Rows", 0)),
        width=int(node.get("Plan Width", 0)),
        startup_cost=float(node.get("Startup Cost", 0)),
        total_cost=float(node.get("Total Cost", 0)),
        schemaname=_name(node, "Schema"),
        relname=_name(node, "Relation Name"),
        index=_name(node, "Index Name"),
        conditions=tuple(dict.fromkeys(conditions)),
        filtered="Filter" in node,
        unread=unread,
        joined=tuple(dict.fromkeys(_joined(joins, alias))) if alias else (),
        ordered=_ordered(sort, alias),
        output=_output(node, alias),
        workers=int(node.get("Workers Planned", 0)),
    )


def _name(node: Known, key: str) -> str | None:
    """Return a name; a log may contain anything in its place."""
    found = node.get(key)
    return found if isinstance(found, str) else None


def _conditions(node: Known, alias: str | None) -> tuple[list[Condition], int]:
    found, unread = list[Condition](), 0
    for name in FILTERS:
        if name in node:
            read, rest = compared(str(node[name]))
            unread += rest
            for one in read:
                if one.column.alias in ("", alias):
                    found.append(_condition(one))
    return found, unread


def _joined(joins: Sequence[Compared], alias: str) -> Iterator[Condition]:
    return (_condition(one) for one in joins if one.column.alias == alias)


def _condition(one: Compared) -> Condition:
    return Condition(one.column.name, one.comparison, bool(one.others))


def _ordered(sort: Sequence[str], alias: str | None) -> tuple[str, ...]:
    keys = [sort_column(str(key)) for key in sort]
    if not keys or any(key is None or not _is_of(key, alias) for key in keys):
        return ()
    return tuple(key.name for key in keys if key is not None)


def _output(node: Known, alias: str | None) -> tuple[str, ...] | None:
    found = [column(str(one)) for one in node.get("Output", ())]
    if not alias or any(one is None or not _is_of(one, alias) for one in found):
        return None
    return tuple(dict.fromkeys(one.name for one in found if one is not None))


def _is_of(one: Column, alias: str | None) -> bool:
    return alias is not None and one.alias in ("", alias)
