"""Pages far behind the first are read by OFFSET: all rows before them are read and thrown away."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import remark
from alerts.findings.queries._plans import PLANS, known_plans
from alerts.findings.queries._statement import BY_TEXT, CONSULTS, HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Duration, Share, duration_text, number_text, share_text
from collectors.plans import StatementPlan

LOOKED_AT = 50
"""Statements, those with the most time."""
MOST = 3
"""Statements that are named."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    mean: Annotated[Duration, Slack(0.8)] = timedelta(milliseconds=20)
    """Mean time of an execution: the first pages are quick."""
    min_calls: Annotated[int, FIXED] = 50
    """Executions within the window."""
    blocks_per_row: Annotated[float, Slack(0.7)] = 20
    """Blocks that are read for each row that is returned."""
    min_blocks: Annotated[float, Slack(0.7)] = 500
    """Blocks that an execution reads."""
    min_share: Share = 0.01
    """Share of the execution time of all statements."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    ranked, planned = load.top("seconds", LOOKED_AT), known_plans(snapshot, load)
    ill = (
        ran
        for ran in ranked
        if has_offset(load, ran) and is_dear(ran, limits) and may_skip(planned.get(ran.key))
    )
    for ran, _ in zip(ill, range(MOST), strict=False):
        yield evidence(load, ran)


def has_offset(load: Load, ran: Ran) -> bool:
    shape = load.texts.shape(ran.key[2])
    return shape is not None and shape.has_offset


def may_skip(plan: StatementPlan | None) -> bool:
    """Whether the rows come in their order, so that it is the OFFSET that makes more be read.

    A sort reads all rows for the first page too, which is told by its plan.
    """
    return plan is None or all(node.kind != "Sort" for node in plan.nodes)


def is_dear(ran: Ran, limits: Limits) -> bool:
    blocks, rows = ran.use.each("blocks"), ran.use.each("rows")
    return (
        ran.use.calls >= limits.min_calls
        and ran.mean >= limits.mean.total_seconds()
        and ran.share >= limits.min_share
        and blocks >= limits.min_blocks
        and blocks >= limits.blocks_per_row * max(rows, 1)
    )


def evidence(load: Load, ran: Ran) -> Evidence:
    blocks, rows = ran.use.each("blocks"), ran.use.each("rows")
    return told(
        load,
        ran,
        ran.mean,
        f"{ran.brief} skips rows by OFFSET: it reads {blocks:,.0f} blocks for"
        f" {number_text(rows)} rows and takes {duration_text(ran.mean)}, {ran.use.calls:,.0f} times"
        f" within {duration_text(ran.seconds)} ({share_text(ran.share)} of the time"
        " of all statements).",
        {"blocks_per_call": blocks, "rows_per_call": rows},
        (
            remark("Go on after the last row that was shown instead: with a condition that the"),
            remark("columns of ORDER BY are beyond its values, and an index on them."),
            remark("Or limit how far the application lets its users go."),
        ),
    )


finding = statement_review(
    "Rows skipped by OFFSET",
    Limits(),
    judge,
    reads=BY_TEXT,
    consults=(*PLANS, *CONSULTS),
    unit="seconds",
)
