"""Just-in-time compilation takes a large part of the time of a statement."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran, number
from alerts.units import Duration, Share, duration_text, share_text

MOST = 3
"""Statements that are named."""
NOT_COUNTED = "the extension counts compilation from version 1.10 on (PostgreSQL 15)"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which it is measured, at most one hour."""
    min_share: Share = 0.3
    """Share of its own time that a statement is compiled."""
    min_calls: Annotated[int, FIXED] = 20
    """Executions within the window: for a report that takes minutes it does not matter."""
    min_sessions: Annotated[float, Slack(0.7)] = 0.02
    """Mean number of sessions that compile it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    if isnan(load.uses.total("jit_seconds")):
        yield Unjudged(NOT_COUNTED)
        return
    for ran in load.top("jit_seconds", MOST):
        use = ran.use
        is_much = use.jit_seconds >= limits.min_share * use.seconds
        is_busy = use.jit_seconds / ran.seconds >= limits.min_sessions
        if use.calls >= limits.min_calls and is_much and is_busy:
            yield evidence(snapshot, load, ran)


def evidence(snapshot: Snapshot, load: Load, ran: Ran) -> Evidence:
    use, above = ran.use, number(snapshot, "jit_above_cost")
    share = min(1.0, use.jit_seconds / use.seconds)  # some of it is before the execution
    return told(
        load,
        ran,
        share,
        f"{ran.brief} spent {share_text(share)} of its time compiling:"
        f" {duration_text(use.each('jit_seconds'))} of {duration_text(ran.mean)} each time.",
        {
            "jit_seconds": use.jit_seconds,
            "jit_functions_per_call": use.each("jit_functions"),
            "jit_above_cost": above,
        },
        (
            remark("The cost of its plan is above jit_above_cost, yet it is too short to be worth"),
            remark("compiling. Often an estimate is too high: ANALYZE its tables first."),
            *raised(snapshot, above),
        ),
    )


def raised(snapshot: Snapshot, above: float | None) -> Iterator[str]:
    """Say how the limit is raised; one of -1 is another for a role or a session that compiles."""
    if above is not None and above < 0:
        yield remark("Then raise jit_above_cost where it is set, for its role or its database:")
        yield remark("the server's own (-1) compiles nothing.")
    else:
        yield remark("Then raise the limit, for all or for this role alone:")
        yield from change(snapshot, "jit_above_cost", f"{(above or 100_000) * 10:.0f}")


finding = statement_review("Compilation costs more than it saves", Limits(), judge, unit="ratio")
