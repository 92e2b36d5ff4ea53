"""One statement is executed for each row of another: a loop asks for what a join would bring."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import correlation, fmean, linear_regression, pstdev
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import BY_TEXT, CONSULTS, HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.keys import is_own_key, plain, references, refers_to
from alerts.statements.load import Load, Ran
from alerts.statements.reads import reads_of
from alerts.statements.shape import StatementShape, TableName
from alerts.units import Duration, Share, duration_text, number_text, share_text
from collectors._columns import where
from collectors.index_layout import IndexLayout, index_layout

INNER, OUTER = 50, 50
"""Statements with the most calls that may be inside a loop, with the most rows around it."""
MOST = 3
"""Pairs that are named."""
COUNTED = 100
"""Executions within five minutes from which these must agree too."""
WINDOWS = 3
"""How often they must."""
LOOSE = 3.0
"""A loop begins in one window and ends in the next, so these may differ more than the hour."""
MOVING = 8
"""Windows from which it may be told that executions and rows move together,"""
VARIES = 0.2
"""if the rows vary by that much of their mean: without ups and downs any two do."""
SLOPE, ALIKE = 0.08, 0.98
"""How far from one execution for each row it may be, and the least correlation."""
EACH = 0.4, 2.5
"""Rows for each execution: a loop is a good part of both."""
NAME = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are counted, at most one hour."""
    min_calls: Annotated[int, FIXED] = 3600
    """Executions of the inner statement within the window: one a second."""
    min_share: Annotated[Share, Slack(0.7)] = 0.02
    """Share of the executions of all statements."""
    rows_per_call: Annotated[float, Slack(0.8)] = 5
    """Rows that the outer statement returns each time."""
    difference: Annotated[Share, Slack(1.5)] = 0.03
    """By which the executions and the rows may differ."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    for (inner, outer), _ in zip(pairs(snapshot, load, limits), range(MOST), strict=False):
        yield evidence(load, inner, outer)


def pairs(snapshot: Snapshot, load: Load, limits: Limits) -> Iterator[tuple[Ran, Ran]]:
    """Yield each inner statement with the outer one whose rows it follows."""
    least = max(limits.min_calls, limits.min_share * load.uses.total("calls"))
    outers = [
        ran
        for ran in load.top("rows", OUTER)
        if ran.first_word in ("select", "with") and ran.use.each("rows") >= limits.rows_per_call
    ]
    for inner in load.top("calls", INNER):
        shape = load.texts.shape(inner.key[2])
        own_calls = inner.use.calls - inner.use.nested_calls
        if own_calls < least or shape is None or not is_lookup(shape):
            continue
        for outer in outers:
            same = inner.key[:2] == outer.key[:2] and inner.key != outer.key
            if not same or not agree(load, inner, outer, limits):
                continue
            if is_related(snapshot, load, shape, outer):
                yield inner, outer
                break


def is_lookup(shape: StatementShape) -> bool:
    """Whether it asks for rows by some of their columns, perhaps with others joined to them."""
    return shape.kind == "select" and bool(shape.equal)


def is_related(snapshot: Snapshot, load: Load, inner: StatementShape, outer: Ran) -> bool:
    """Whether by their names one asks for what belongs to the rows of the other."""
    text = load.texts.known[outer.key[2]].query
    around, own = tables_of(text), inner.tables[0].name
    if any(refers_to(column, table.name) for column in inner.equal for table in around):
        return True
    if not any(is_own_key(column, own) for column in inner.equal):
        return False
    named = set(NAME.findall(plain(text)))
    return not named.isdisjoint(references(own)) or (
        reads_all(load, outer) and has_reference(snapshot, outer, around, own)
    )


def tables_of(text: str) -> tuple[TableName, ...]:
    reads = reads_of(text)
    return tuple(reading.table for reading in reads.readings) if reads else ()


def reads_all(load: Load, outer: Ran) -> bool:
    """Whether it may return columns that it does not name."""
    names = load.texts.known[outer.key[2]].names
    return names is not None and names.is_whole


def has_reference(snapshot: Snapshot, outer: Ran, around: Sequence[TableName], inner: str) -> bool:
    """Whether one of these tables has an indexed column that refers to the other table."""
    layouts = snapshot.rows(index_layout) if snapshot.has(index_layout) else ()
    names = {table.name for table in around}
    wanted = references(inner)
    return any(
        row.datname == outer.database and not wanted.isdisjoint(map(plain, columns_of(row)))
        for row in where(layouts, "relname", names)
    )


def columns_of(row: IndexLayout) -> Iterator[str]:
    """Yield the columns of an index, without its expressions."""
    yield from (str(name) for name, *_ in json.loads(row.columns or "[]") if name is not None)


def agree(load: Load, inner: Ran, outer: Ran, limits: Limits) -> bool:
    """Whether executions and rows are as many, or grow together where one is used elsewhere."""
    parts = [
        (window[inner.key].calls, window[outer.key].rows if outer.key in window else 0.0)
        for window in load.seen.closed
        if inner.key in window and window[inner.key].calls >= COUNTED
    ]
    if is_near(inner.use.calls, outer.use.rows, limits.difference):
        near = (is_near(calls, rows, LOOSE * limits.difference) for calls, rows in parts)
        if len(parts) >= WINDOWS and all(near):
            return True
    return move_together(parts)


def move_together(parts: Sequence[tuple[float, float]]) -> bool:
    """Whether each row more is an execution more, beside executions that are as many each time."""
    if len(parts) < MOVING:
        return False
    calls, rows = zip(*parts, strict=True)
    if min(rows) <= 0 or pstdev(rows) < VARIES * fmean(rows):
        return False
    if pstdev(calls) == 0 or not EACH[0] * sum(calls) <= sum(rows) <= EACH[1] * sum(calls):
        return False
    slope = linear_regression(rows, calls).slope
    return abs(slope - 1) <= SLOPE and correlation(rows, calls) >= ALIKE


def is_near(one: float, other: float, difference: float) -> bool:
    return abs(one - other) <= difference * max(one, other)


def evidence(load: Load, inner: Ran, outer: Ran) -> Evidence:
    rows = outer.use.each("rows")
    share = inner.use.calls / load.uses.total("calls")
    return told(
        load,
        inner,
        rows,
        f"{inner.brief} was executed {inner.use.calls:,.0f} times within"
        f" {duration_text(inner.seconds)}, once for each row of {outer.brief}, which returned"
        f" {number_text(rows)} rows each of {outer.use.calls:,.0f} times: {share_text(share)}"
        " of all executions.",
        {
            "share_of_calls": share,
            "outer_query_id": outer.query_id,
            "outer_statement": outer.text,
            "outer_calls": round(outer.use.calls),
            "outer_rows_per_call": rows,
        },
        (
            remark("Each of them is a round trip of its own. Ask once: join it into the outer"),
            remark("statement, or fetch all of it by one array of keys (= ANY of a parameter)."),
            remark("In an ORM that is eager loading (select_related, includes, JOIN FETCH)."),
        ),
    )


finding = statement_review(
    "A statement for each row (N+1)",
    Limits(),
    judge,
    reads=BY_TEXT,
    consults=(*CONSULTS, index_layout),
    unit="rows",
)
