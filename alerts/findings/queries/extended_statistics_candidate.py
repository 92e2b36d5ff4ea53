"""Columns that a statement compares together depend on each other, and the planner can't know."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import identifier, plain_ddl, remark
from alerts.findings.queries._index_build import of_object
from alerts.findings.queries._plans import planned
from alerts.findings.queries._statement import HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits
from alerts.plans.signals import table_of, tables_of, workers
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Duration, Share
from collectors._base import Role
from collectors.plans import PlanNode, StatementPlan, plans
from collectors.stat_statements import stat_statements
from collectors.user_tables import UserTable, user_tables

FAR = 10.0
"""Times as many rows as the planner expects."""
BEYOND = 2.0
"""Times as many rows as there could be if the columns were independent, whatever the values."""
ROWS = 100.0
"""Rows below which a wrong estimate does no harm."""
CHANGED = 0.1
"""Share of rows that have changed since ANALYZE, from which fresh statistics come first."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    min_calls: Annotated[int, FIXED] = 20
    """Executions within the window."""
    min_share: Share = 0.01
    """Share of the execution time of all statements."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """Columns of a table that depend on each other, as one statement shows."""

    node: PlanNode
    table: UserTable
    expected: float
    """Rows a call as the planner estimates,"""
    most: float
    """rows at most if the columns were independent,"""
    rows: float
    """and rows that come."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(plans)
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    tables = tables_of(snapshot, rows)
    for plan, ran in planned(snapshot, load, limits.min_calls, limits.min_share):
        node = next((one for one in plan.nodes if one.relname), None)
        table = table_of(node, tables.get(plan.datname, {})) if node else None
        if node and table and plan.shares and not plan.has_statistics:
            found = dependence(plan, ran, node, table)
            if is_ill(found):
                yield evidence(load, ran, plan, found)


def dependence(plan: StatementPlan, ran: Ran, node: PlanNode, table: UserTable) -> Dependence:
    expected = node.rows * workers(plan, plan.nodes.index(node))
    most = table.reltuples * prod(one.largest for one in plan.shares)
    return Dependence(node, table, expected, most, ran.use.each("rows"))


def is_ill(found: Dependence) -> bool:
    is_fresh = found.table.n_mod_since_analyze <= CHANGED * found.table.reltuples
    return (
        is_fresh
        and found.rows >= ROWS
        and found.rows >= FAR * max(found.expected, 1.0)
        and found.rows >= BEYOND * max(found.most, 1.0)
    )


def evidence(load: Load, ran: Ran, plan: StatementPlan, found: Dependence) -> Evidence:
    table = identifier(found.table.schemaname, found.table.relname)
    columns = ", ".join(identifier(one.column) for one in plan.shares)
    return told(
        load,
        ran,
        found.rows / max(found.expected, 1.0),
        f"{ran.brief} returns {found.rows:,.0f} rows a call where the planner expects"
        f" {found.expected:,.0f}: {columns} of {table} depend on each other, as independent columns"
        f" would leave {found.most:,.0f} rows at most.",
        {
            "table": table,
            "columns": columns,
            "expected_rows": found.expected,
            "rows_if_independent": found.most,
            "rows_per_call": found.rows,
            "plan_cost": plan.cost,
        },
        tuple(cure(plan, found.table, table, columns)),
    )


def cure(plan: StatementPlan, table: UserTable, name: str, columns: str) -> Iterator[str]:
    """Yield what creates the statistics, and the way back."""
    parts = (table.relname, *(one.column for one in plan.shares), "depend")
    statistics = identifier(table.schemaname, of_object(parts))
    yield remark("It only tells the planner more: each ANALYZE then counts these columns together.")
    yield from plain_ddl(
        f"CREATE STATISTICS {statistics} (ndistinct, dependencies) ON {columns} FROM {name};"
    )
    yield f"ANALYZE {name};"
    yield remark(f"The way back: DROP STATISTICS {statistics};")


finding = statement_review(
    "Columns that depend on each other",
    Limits(),
    judge,
    reads=(plans, stat_statements, user_tables),
    unit="ratio",
    on=Role.primary,
)
