"""How long a statement takes: a range from the pace that this server has shown before."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from alerts.migrations.kind import Kind, grows_with, kind
from alerts.migrations.live import LiveServer, Observed
from alerts.migrations.statement import Statement, constraints
from alerts.migrations.traced import Traced

SPREAD = math.sqrt(10)
"""Either end of a range is this factor away from its middle."""
MOMENT = 0.3
"""Seconds below which nothing is told apart: a commit, a busy core."""
COST = {
    "scan": 1.0,
    "index build": 6.0,
    "rewrite": 9.0,
}
"""Seconds for each second that a plain scan of the table takes."""


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
    return Duration(Range(middle / SPREAD, max(MOMENT, middle * SPREAD)))


def scans_at(observed: Iterable[Observed]) -> float | None:
    """Return pages a second of a plain scan, from all that was observed."""
    rates = [seen.pages / seen.seconds * COST[seen.work] for seen in observed if seen.seconds > 0]
    return median(rates) if rates else None


def cost(traced: Traced, what: Kind, live: LiveServer) -> float:
    """Return the seconds for each second that a plain scan takes."""
    factor = COST.get(what.value, 1.0)
    if what is Kind.index_build:
        return factor * len(traced.rebuilt)
    if what is Kind.rewrite:
        indexes = sum(live.tables[t].indexes for t in traced.rewritten if t in live.tables)
        return factor + COST["index build"] * 0.7 * indexes
    return factor * _of_scan(traced.statement)


def _of_scan(statement: Statement) -> float:
    """A foreign key looks up each row; a condition is computed for each."""
    kinds = {name for action in statement.actions for name, _ in constraints(action.definition)}
    kinds |= {str(action.definition.get("contype", "")) for action in statement.actions}
    if kinds & {"FOREIGN KEY", "CONSTR_FOREIGN"}:
        return 4.0
    return 1.5
