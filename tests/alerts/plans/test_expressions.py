"""Expressions of plans are read as columns and comparisons; values are not kept."""

import pytest

from alerts.plans.expressions import Column, compared, sort_column
from alerts.plans.nodes import nodes
from collectors.plans import Comparison, Condition

EQUAL, RANGE, NULL, OTHER = (
    Comparison.equal,
    Comparison.range,
    Comparison.null,
    Comparison.other,
)


@pytest.mark.parametrize(
    ("expression", "found", "unread"),
    [
        ("(o.status = $1)", [("o", "status", EQUAL)], 0),
        ("((o.status)::text = $1)", [("o", "status", EQUAL)], 0),
        ("((o.status)::date = $1)", [], 1),
        ("((o.a = $1) AND (o.b > $2) AND (o.c IS NULL))", None, 0),
        ("(($1 > o.b))", [("o", "b", RANGE)], 0),
        ("((o.a = $1) OR (o.b = $2))", [], 1),
        ("(o.a = ANY ('{1,2}'::integer[]))", [("o", "a", Comparison.listed)], 0),
        ("(o.a = ALL ('{1,2}'::integer[]))", [("o", "a", OTHER)], 0),
        ("(o.name ~~ 'secret%'::text)", [("o", "name", OTHER)], 0),
        ("(lower(o.name) = $1)", [], 1),
        ('("Odd one"."a.b" = $1)', [("Odd one", "a.b", EQUAL)], 0),
        ("(o.a = (o.b + 1))", [], 1),
        ("(o.a <> $1)", [("o", "a", OTHER)], 0),
        ("(o.a = c.b)", [("o", "a", EQUAL), ("c", "b", EQUAL)], 0),
        ("o.flag", [], 1),
        ("(o.a = 'torn", [], 0),
    ],
)
def test_comparisons(
    expression: str, found: list[tuple[str, str, Comparison]] | None, unread: int
) -> None:
    """All that must hold, and how many are something else."""
    if found is None:
        found = [("o", "a", EQUAL), ("o", "b", RANGE), ("o", "c", NULL)]
    read, rest = compared(expression)
    assert [(*one.column, one.comparison) for one in read] == found
    assert rest == unread


def test_sort_keys_upwards_alone() -> None:
    assert sort_column("o.created_at") == Column("o", "created_at")
    assert sort_column("o.created_at DESC") is None
    assert sort_column("lower(o.name)") is None


def test_a_plan_keeps_no_value() -> None:
    """Names, numbers and kinds; a join says which columns it compares."""
    scan = {
        "Node Type": "Seq Scan",
        "Schema": "public",
        "Relation Name": "orders",
        "Alias": "o",
        "Output": ["o.id", "o.created_at"],
        "Filter": "(((o.note)::text = 'hunter2'::text) AND (o.n > 4711))",
        "Plan Rows": 5,
        "Total Cost": 99.5,
    }
    other = {"Node Type": "Seq Scan", "Schema": "s", "Relation Name": "c", "Alias": "c"}
    join = {
        "Node Type": "Hash Join",
        "Hash Cond": "(o.customer = c.id)",
        "Output": ["o.id", "'hunter2'::text"],
        "Plans": [scan, other],
    }
    root = {"Node Type": "Sort", "Sort Key": ["o.created_at"], "Plans": [scan]}
    joined = nodes(join)
    assert "hunter2" not in repr(joined)
    assert "4711" not in repr(joined)
    top, orders, customers = joined
    assert top.output is None
    assert orders.conditions == (Condition("note", EQUAL), Condition("n", RANGE))
    assert orders.joined == (Condition("customer", EQUAL, True),)
    assert orders.output == ("id", "created_at")
    assert customers.joined == (Condition("id", EQUAL, True),)
    assert nodes(root)[1].ordered == ("created_at",)
