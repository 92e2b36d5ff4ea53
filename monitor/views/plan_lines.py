"""Lines of a plan for people: names and estimates, and never a value."""

from collections.abc import Iterator

from alerts.cure import identifier
from collectors.plans import Comparison, Condition, PlanNode, StatementPlan

SIGNS = {
    Comparison.equal: "= ?",
    Comparison.listed: "in a list",
    Comparison.range: "in a range",
    Comparison.null: "is null",
    Comparison.other: "matches ?",
}
SHOWN = 60
"""Nodes that are shown."""


def plan_lines(plan: StatementPlan) -> tuple[str, ...]:
    """Return the plan as indented lines; empty where there is none."""
    lines = [_line(node) for node in plan.nodes[:SHOWN]]
    if len(plan.nodes) > SHOWN:
        lines.append(f"and {len(plan.nodes) - SHOWN} more steps")
    return tuple(lines)


def _line(node: PlanNode) -> str:
    return f"{'  ' * node.depth}{' '.join(_parts(node))}"


def _parts(node: PlanNode) -> Iterator[str]:
    yield node.kind
    if node.index:
        yield f"using {identifier(node.index)}"
    if node.relname and node.schemaname:
        yield f"on {identifier(node.schemaname, node.relname)}"
    yield f"(cost {node.total_cost:,.0f}, {node.rows:,.0f} rows)"
    conditions = [_condition(one) for one in node.conditions]
    if node.unread:
        conditions.append(f"{node.unread} more")
    if conditions:
        yield "where " + ", ".join(conditions)


def _condition(one: Condition) -> str:
    sign = "= another column" if one.with_table else SIGNS[one.comparison]
    return f"{identifier(one.column)} {sign}"
