"""Duration of a statement: a range from the pace that this server has shown before."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from alerts.migrations.kind import Kind, grows_with, kind
from alerts.migrations.live import LiveServer, Observed
from alerts.migrations.lock_mode import LockMode
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Traced

SPREAD = math.sqrt(10)
"""Either end of a range is this factor away from its middle."""
QUERIES = ("CreateTableAsStmt", "RefreshMatViewStmt")
"""Statements that run a query of their own."""
MOMENT = 0.3
"""Seconds below which nothing is told apart: a commit, a busy core."""
COST = {"scan": 1.0, "filtered scan": 1.6, "index build": 7.0}
"""Seconds for each second that a plain count of the table takes, of what was observed."""
READ = 1.6
"""A condition is computed for each row."""
LOOKED_UP = 14.0
"""A foreign key looks up each row."""
INDEX = 7.0
TWICE = 16.0
"""CONCURRENTLY reads the table twice, and waits in between."""
EXCLUSION = 25.0
"""An exclusion constraint looks up each row in the index that it builds."""
COPY, COPIED_INDEX = 14.0, 7.0
"""A rewrite: the rows, and each index."""


@dataclass(frozen=True, slots=True)
class Range:
    """Seconds."""

    low: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Duration:
    """The range, or why there is none."""

    range: Range | None
    reason: str = ""


INSTANT = Duration(Range(0.0, MOMENT))


def duration(traced: Traced, live: LiveServer | None) -> Duration:
    """Return how long the statement runs once it has its locks."""
    what = kind(traced)
    if what is Kind.instant:
        return INSTANT
    if what in (Kind.unknown, Kind.data):
        return Duration(None, _without(traced))
    if traced.statement.node in QUERIES:
        return Duration(None, "it depends on its query")
    if live is None:
        return Duration(None, "no live server was asked")
    return _by_pages(traced, what, live)


def _without(traced: Traced) -> str:
    return traced.unknown or "it depends on the rows that it reads or writes"


def _by_pages(traced: Traced, what: Kind, live: LiveServer) -> Duration:
    pages = 0.0
    for relation in grows_with(traced):
        table = live.tables.get(relation)
        if table is None or table.pages is None:
            return Duration(None, f"the size of {relation} is not known")
        pages += table.pages
        if what is Kind.rewrite:
            pages += table.toast_bytes / 8192
    rate = scans_at(live.observed)
    if rate is None:
        if pages < 128:
            return INSTANT
        return Duration(None, f"no pace of this server is known: {live.why_unobserved}")
    middle = pages / rate * cost(traced, what, live)
    if middle * SPREAD < MOMENT:
        return INSTANT
    return Duration(Range(middle / SPREAD, middle * SPREAD))


def scans_at(observed: Iterable[Observed]) -> float | None:
    """Return pages a second of a plain scan, from all that was observed."""
    rates = [seen.pages / seen.seconds * COST[seen.work] for seen in observed if seen.seconds > 0]
    return median(rates) if rates else None


def cost(traced: Traced, what: Kind, live: LiveServer) -> float:
    """Return the seconds for each second that a plain count of the table takes."""
    statement = traced.statement
    if what is Kind.rewrite:
        return COPY + COPIED_INDEX * _indexes(traced, live)
    if what is Kind.index_build:
        each = EXCLUSION if "CONSTR_EXCLUSION" in _constraints(statement) else INDEX
        number = len(traced.rebuilt)
        if statement.is_concurrent:
            each = TWICE
            number = _indexes(traced, live) if statement.node == "ReindexStmt" else 1
        return each * max(1, number)
    return LOOKED_UP if _looks_up(traced) else READ


def _indexes(traced: Traced, live: LiveServer) -> int:
    tables = dict.fromkeys((*traced.rewritten, *traced.rebuilt))
    return sum(live.tables[table].indexes for table in tables if table in live.tables)


def _constraints(statement: Statement) -> set[str]:
    """Return the kinds of constraints that ALTER TABLE adds."""
    return {str(action.definition.get("contype", "")) for action in statement.actions}


def _looks_up(traced: Traced) -> bool:
    """Whether a foreign key is checked: another table is locked for reading its rows."""
    if "CONSTR_FOREIGN" in _constraints(traced.statement):
        return True
    validates = any(action.kind == "AT_ValidateConstraint" for action in traced.statement.actions)
    return validates and any(held.mode is LockMode.RowShare for held in traced.locks)
