"""A statement takes long each time, and is executed often enough to matter."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Duration, Share, duration_text, number_text, share_text

MOST = 5
"""Statements that are named, those with the most time."""
LOOKED_AT = 50
GRAVE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    mean: Annotated[Duration, Slack(0.8)] = timedelta(milliseconds=100)
    """Mean time of an execution that users notice."""
    mean_warning: Annotated[Duration, Slack(0.8)] = timedelta(seconds=1)
    """Mean time from which it is a warning, together with a fifth of the load."""
    min_calls: Annotated[int, FIXED] = 50
    """Executions within the window: a batch or a report is slow on purpose."""
    min_share: Share = 0.05
    """Share of the execution time of all statements."""
    min_sessions: Annotated[float, Slack(0.7)] = 0.02
    """Mean number of sessions that execute it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    slow = (ran for ran in load.top("seconds", LOOKED_AT) if is_slow(ran, limits))
    for ran, _ in zip(slow, range(MOST), strict=False):
        yield evidence(load, ran, limits)


def is_slow(ran: Ran, limits: Limits) -> bool:
    return (
        ran.is_query
        and ran.use.calls >= limits.min_calls
        and ran.mean >= limits.mean.total_seconds()
        and ran.share >= limits.min_share
        and ran.use.own_seconds / ran.seconds >= limits.min_sessions
    )


def evidence(load: Load, ran: Ran, limits: Limits) -> Evidence:
    use = ran.use
    is_grave = ran.mean >= limits.mean_warning.total_seconds() and ran.share >= GRAVE_SHARE
    deviation = max(0.0, use.each("square_seconds") - ran.mean**2) ** 0.5
    return told(
        load,
        ran,
        ran.mean,
        f"{ran.brief} takes {duration_text(ran.mean)} on average, {use.calls:,.0f} times within"
        f" {duration_text(ran.seconds)}: {share_text(ran.share)} of the time of all statements.",
        {
            "deviation_seconds": deviation,
            "rows_per_call": use.each("rows"),
            "blocks_per_call": use.each("blocks"),
            "reading_share": use.block_read_seconds / use.seconds,
            "spilled_bytes_per_call": use.each("temp_blocks_written") * load.block,
        },
        tuple(advice(ran, deviation)),
        Severity.warning if is_grave else Severity.info,
    )


def advice(ran: Ran, deviation: float) -> Iterator[str]:
    use = ran.use
    blocks, rows = use.each("blocks"), use.each("rows")
    if deviation > 2 * ran.mean:
        yield remark("Its times differ widely: some values, or waits, are slow and most are not.")
    if blocks > 1000 and blocks > 20 * max(rows, 1):
        yield remark(
            f"It reads {blocks:,.0f} blocks for {number_text(rows)} rows: is an index missing?"
        )
    elif blocks < 100 and not use.temp_blocks_written:
        yield remark("It reads few blocks: it waits (for a lock, in a trigger), or computes.")
    yield remark("1. EXPLAIN (ANALYZE, BUFFERS) it with values as the application sends them.")
    yield remark("2. Change what takes most of its time, and see here that its mean falls.")


finding = statement_review(
    "Slow statement", Limits(), judge, severities=(Severity.info, Severity.warning), unit="seconds"
)
