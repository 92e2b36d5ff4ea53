"""One statement is executed for each row of another: a loop asks for what a join would bring."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import CONSULTS, HISTORY, HOUR, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.statements.shape import StatementShape
from alerts.units import Duration, Share, duration_text, number_text, share_text
from collectors.stat_statements import stat_statements

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
    for (inner, outer), _ in zip(pairs(load, limits), range(MOST), strict=False):
        yield evidence(load, inner, outer)


def pairs(load: Load, limits: Limits) -> Iterator[tuple[Ran, Ran]]:
    """Yield each inner statement with the outer one whose rows it follows."""
    least = max(limits.min_calls, limits.min_share * load.uses.total("calls"))
    outers = [
        ran
        for ran in load.top("rows", OUTER)
        if ran.first_word == "select" and ran.use.each("rows") >= limits.rows_per_call
    ]
    for inner in load.top("calls", INNER):
        shape = load.texts.shape(inner.key[2])
        if inner.use.calls - inner.use.nested_calls < least or not is_lookup(shape):
            continue
        for outer in outers:
            same = inner.key[:2] == outer.key[:2] and inner.key != outer.key
            if same and agree(load, inner, outer, limits) and is_related(load, shape, outer):
                yield inner, outer
                break


def is_lookup(shape: StatementShape | None) -> bool:
    """Whether it asks for rows by some of their columns, perhaps with others joined to them."""
    return shape is not None and shape.kind == "select" and bool(shape.equal)


def is_related(load: Load, inner: StatementShape | None, outer: Ran) -> bool:
    """Whether by their names one asks for what belongs to the rows of the other."""
    around = load.texts.shape(outer.key[2])
    if inner is None or around is None:
        return False
    own = forms(inner.tables[0].name)
    owners = [form for table in around.tables for form in forms(table.name)]
    columns = {column.lower().replace("_", "") for column in inner.equal}
    if any(f"{owner}id" in columns for owner in owners):
        return True
    text = load.texts.known[outer.key[2]].query.lower().replace("_", "")
    by_key = "id" in columns or any(f"{form}id" in columns for form in own)
    return by_key and any(re.search(rf"\b{re.escape(form)}id\b", text) for form in own)


def forms(table: str) -> list[str]:
    """Return the name of a table as a column may refer to it: shop_orders, orders, order."""
    words = table.lower().split("_")
    names = ["".join(words[at:]) for at in range(len(words))]
    ends = (("ies", "y"), ("es", ""), ("s", ""))
    singular = (
        name.removesuffix(end) + new for name in names for end, new in ends if name.endswith(end)
    )
    return [form for form in (*names, *singular) if form]


def agree(load: Load, inner: Ran, outer: Ran, limits: Limits) -> bool:
    """Whether executions and rows are as many, in the whole window and in the parts of it."""
    if not is_near(inner.use.calls, outer.use.rows, limits.difference):
        return False
    parts = [
        (window[inner.key].calls, window[outer.key].rows if outer.key in window else 0.0)
        for window in load.seen.closed
        if inner.key in window and window[inner.key].calls >= COUNTED
    ]
    near = (is_near(calls, rows, LOOSE * limits.difference) for calls, rows in parts)
    return len(parts) >= WINDOWS and all(near)


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


finding = Finding(
    title="A statement for each row (N+1)",
    severities=(Severity.info,),
    reads=(stat_statements,),
    consults=CONSULTS,
    history=HISTORY,
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    kind=FindingKind.review,
)
