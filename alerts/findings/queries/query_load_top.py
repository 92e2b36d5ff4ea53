"""One statement takes a large part of all execution time: whatever makes it cheaper counts most."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import statement_review
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Duration, Share, duration_text, number_text, share_text

HOUR = timedelta(hours=1)
WAITED = 0.5
"""Share of its time from which reading explains a statement."""
LOOKED_AT = 50
"""Statements, those with the most time: that inside functions is part of the caller's too."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which the load is measured, at most one hour."""
    min_share: Share = 0.33
    """Share of the execution time of all statements."""
    min_sessions: Annotated[float, Slack(0.7)] = 0.5
    """Mean number of sessions that execute it; on a server with less to do the share says
    nothing."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    for ran in load.top("seconds", LOOKED_AT):
        sessions = ran.use.own_seconds / load.uses.seconds
        if ran.is_query and ran.share >= limits.min_share and sessions >= limits.min_sessions:
            yield evidence(load, ran, sessions)


def evidence(load: Load, ran: Ran, sessions: float) -> Evidence:
    use = ran.use
    return Evidence(
        subject=ran.subject,
        severity=Severity.info,
        value=ran.share,
        message=(
            f"{ran.brief} took {share_text(ran.share)} of the execution time of all statements"
            f" within {duration_text(ran.seconds)}: {number_text(sessions, 2)} sessions"
            f" executed it on average, {duration_text(ran.mean)} each of {use.calls:,.0f} times."
        ),
        facts={
            **ran.facts(),
            "mean_sessions": sessions,
            "rows_per_call": use.each("rows"),
            "blocks_per_call": use.each("blocks"),
            "reading_share": use.block_read_seconds / use.seconds if use.seconds else None,
        },
        cure=tuple(advice(ran)),
        check=load.check(ran),
        key=ran.identity,
        database=ran.database,
    )


def advice(ran: Ran) -> Iterator[str]:
    """Say where its time goes, as far as the counters show it."""
    use = ran.use
    if use.block_read_seconds > WAITED * use.seconds:
        yield remark("It spends most of its time reading blocks that are not in shared buffers.")
    blocks, rows = use.each("blocks"), use.each("rows")
    if blocks > 100 and blocks > 20 * max(rows, 1):
        yield remark(
            f"It reads {blocks:,.0f} blocks for {number_text(rows)} rows: an index may be missing."
        )
    elif ran.mean < 0.002:
        yield remark("Each execution is short: fewer of them help, not faster ones. Ask for many")
        yield remark("rows at once, or keep what does not change in the application.")
    yield remark("1. EXPLAIN (ANALYZE, BUFFERS) it with values as the application sends them.")
    yield remark("2. Change what takes most of its time, and see here that the share falls.")


finding = statement_review("A statement takes most of the time", Limits(), judge, unit="ratio")
