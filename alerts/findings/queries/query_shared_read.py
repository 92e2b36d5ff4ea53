"""One statement reads most of what is not in shared buffers: it takes the disk from all others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import (
    HOUR,
    heaviest,
    statement_review,
    told,
)
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Bytes, Duration, Share, bytes_text, duration_text, number_text, share_text


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which it is measured, at most one hour."""
    min_bytes: Bytes = 36 << 30
    """Bytes that it reads within the window: 10 MiB a second."""
    min_share: Share = 0.33
    """Share of what all statements read."""
    min_calls: Annotated[int, FIXED] = 5
    """Executions within the window: a report may read everything once."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    for one in heaviest(load, "shared_blocks_read", limits, load.block):
        yield evidence(load, one.ran, one.octets, one.share)


def evidence(load: Load, ran: Ran, read: float, share: float) -> Evidence:
    use, each = ran.use, ran.use.each("blocks")
    return told(
        load,
        ran,
        read,
        f"{ran.brief} read {bytes_text(read)} that were not in shared buffers within"
        f" {duration_text(ran.seconds)}: {share_text(share)} of what all statements read, and"
        f" {each:,.0f} blocks each time for {number_text(use.each('rows'))} rows.",
        {
            "read_bytes": read,
            "share_of_reads": share,
            "blocks_per_call": each,
            "rows_per_call": use.each("rows"),
            "reading_seconds": use.block_read_seconds or None,
        },
        (
            remark("What is read may still come from the cache of the operating system."),
            remark("1. EXPLAIN (ANALYZE, BUFFERS) it: which node reads, and how many of its rows"),
            remark("are thrown away? An index with the filtered columns avoids reading those."),
            remark("2. If it needs all of them: read less often, keep sums, or a larger"),
            remark("shared_buffers, if memory is free."),
        ),
    )


finding = statement_review("Statement reads most from disk", Limits(), judge, unit="bytes")
