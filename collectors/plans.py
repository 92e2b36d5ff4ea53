"""Plans that the planner chose for the dearest queries; the daemon reads and supplies them.

A plan has no expression and no value, only names: what is compared is kept as column and kind.
"""

from dataclasses import dataclass
from enum import StrEnum

from collectors._base import Collector, Lane, gauge


class Comparison(StrEnum):
    """Comparison of a column with values, or with another table."""

    equal = "equal"
    listed = "listed"
    """Equal to one of several values."""
    range = "range"
    null = "null"
    other = "other"
    """By an operator that a B-tree does not serve."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A column of a table, and how it is compared."""

    column: str
    comparison: Comparison
    with_table: bool = False
    """Whether the other side is a column of another table: a join."""


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One step of a plan."""

    depth: int
    """0 is the root; the children of a node follow it."""
    kind: str
    """Seq Scan, Nested Loop …"""
    rows: float
    """That the planner expects of one execution of the node."""
    width: int
    """Bytes of a row."""
    startup_cost: float
    total_cost: float
    schemaname: str | None = None
    relname: str | None = None
    index: str | None = None
    conditions: tuple[Condition, ...] = ()
    """Of the filter, or of the index."""
    filtered: bool = False
    """Whether it reads rows and then leaves some of them out."""
    unread: int = 0
    """Conditions that are no comparison of one column."""
    joined: tuple[Condition, ...] = ()
    """What joins above it compare its columns with."""
    ordered: tuple[str, ...] = ()
    """The columns by which a sort above it sorts its rows, where all are its own."""
    output: tuple[str, ...] | None = None
    """The columns that are needed of it; None where it returns something else as well."""
    workers: int = 0


@dataclass(frozen=True, slots=True)
class ColumnShare:
    """Frequency that a value of a column can have."""

    column: str
    largest: float
    """Share of the rows that have its most frequent value."""


@dataclass(frozen=True, slots=True)
class StatementPlan:
    """The plan of one statement, or why there is none."""

    userid: int
    dbid: int
    query_id: int
    datname: str
    at: float
    """When the planner was asked, in unix seconds."""
    reason: str | None = None
    """Why there is no plan; None if there is one."""
    is_denied: bool = False
    """Whether only the login, or a right of it, is missing."""
    grant: str | None = None
    """The statement that would allow it, where it is known."""
    nodes: tuple[PlanNode, ...] = ()
    shares: tuple[ColumnShare, ...] = ()
    """Of the columns of its only table that are compared for equality, where there are several."""
    has_statistics: bool = False
    """Whether extended statistics cover these columns."""

    @property
    def queryid(self) -> str:
        return str(self.query_id)

    @property
    def cost(self) -> float:
        """The planner's cost of one execution."""
        return self.nodes[0].total_cost if self.nodes else 0.0


plans: Collector[StatementPlan] = Collector(
    row=StatementPlan,
    lane=Lane.slow,
    key=("userid", "dbid", "query_id"),
    metrics=(
        gauge(
            "pg_statement_plan_cost",
            "The planner's cost of a statement, where its plan is known.",
            lambda row: row.cost if row.nodes else None,
            ("datname", "userid", "queryid"),
        ),
    ),
)
