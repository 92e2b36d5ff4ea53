"""A statement writes temporary files: its sorts and hashes do not fit into work_mem."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran, number
from alerts.units import Bytes, Duration, Share, bytes_text, duration_text

MOST = 3
"""Statements that are named, those that write most."""
LARGE = 256 << 20
"""Bytes of one execution that should not be given as memory to each session."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which it is measured, at most one hour."""
    min_bytes: Bytes = 1 << 30
    """Bytes that it writes within the window."""
    min_calls: Annotated[int, FIXED] = 5
    """Executions within the window: a report may spill."""
    min_share: Annotated[Share, Slack(0.5)] = 0.01
    """Share of the execution time of all statements."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    memory = number(snapshot, "work_mem")
    for ran in load.top("temp_blocks_written", MOST):
        spilled = ran.use.temp_blocks_written * load.block
        is_often = ran.use.calls >= limits.min_calls and ran.share >= limits.min_share
        if ran.is_query and is_often and spilled >= limits.min_bytes:
            yield evidence(load, ran, spilled, memory)


def evidence(load: Load, ran: Ran, spilled: float, memory: float | None) -> Evidence:
    each = spilled / ran.use.calls
    return told(
        load,
        ran,
        spilled,
        f"{ran.brief} wrote {bytes_text(spilled)} of temporary files within"
        f" {duration_text(ran.seconds)}, {bytes_text(each)} each of {ran.use.calls:,.0f} times.",
        {
            "spilled_bytes": spilled,
            "spilled_bytes_per_call": each,
            "work_mem_bytes": memory,
            "rows_per_call": ran.use.each("rows"),
        },
        tuple(advice(ran, each)),
    )


def advice(ran: Ran, each: float) -> Iterator[str]:
    yield remark("1. EXPLAIN (ANALYZE, BUFFERS) shows which Sort, Hash or Aggregate uses the disk.")
    yield remark("2. An index in the order of a sort, fewer columns, or a filter before the join")
    yield remark("makes it smaller.")
    if each <= LARGE:
        yield remark(
            f"3. Or give work_mem to this statement alone (SET LOCAL in its transaction), or to the"
            f" role {ran.user}: what is in memory takes about twice the {bytes_text(each)} on disk,"
            " in each of its sessions."
        )
    else:
        yield remark(f"{bytes_text(each)} each time is too much to be given as work_mem.")


finding = statement_review("Statement spills to disk", Limits(), judge, unit="bytes")
