"""Planning takes longer than executing: the statement is planned again each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran, number
from alerts.units import Duration, Share, duration_text

MOST = 3
"""Statements that are named."""
TRACK = "pg_stat_statements.track_planning"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which it is measured, at most one hour."""
    min_sessions: Annotated[float, Slack(0.7)] = 0.02
    """Mean number of sessions that plan it."""
    min_plans: Annotated[int, FIXED] = 1000
    """How often it is planned within the window."""
    min_share: Share = 0.02
    """Share of the time of all statements, planning included."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    total = load.uses.total("plan_seconds")
    if total <= 0:
        if not number(snapshot, TRACK):
            yield Unjudged(f"{TRACK} is off, so planning is not timed")
        return
    for ran in load.top("plan_seconds", MOST):
        use = ran.use
        is_much = use.plan_seconds >= limits.min_share * (load.total + total)
        is_busy = use.plan_seconds / ran.seconds >= limits.min_sessions
        if use.plan_seconds > use.seconds and is_much and is_busy and use.plans >= limits.min_plans:
            yield evidence(load, ran)


def evidence(load: Load, ran: Ran) -> Evidence:
    use = ran.use
    each = use.plan_seconds / use.plans
    return told(
        load,
        ran,
        use.plan_seconds / (use.plan_seconds + use.seconds),
        f"{ran.brief} was planned {use.plans:,.0f} times within {duration_text(ran.seconds)}, for"
        f" {duration_text(each)} each; executing it took {duration_text(ran.mean)}.",
        {"plans": round(use.plans), "plan_seconds": use.plan_seconds, "mean_plan_seconds": each},
        (
            remark("Prepare it once for each session, where the driver or the pooler allows that:"),
            remark("from the sixth execution on PostgreSQL may keep the plan."),
            remark("A table with many partitions, or a join of many tables, takes long to plan:"),
            remark("a condition on the partition key, and fewer partitions, make it shorter."),
        ),
    )


finding = statement_review("Planning takes longer than executing", Limits(), judge, unit="ratio")
