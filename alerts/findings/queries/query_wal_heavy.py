"""One statement writes most of the WAL, which replicas, archives and backups carry."""

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

PAGES = 0.5
"""Share of full pages from which these are the cause."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which it is measured, at most one hour."""
    min_bytes: Bytes = 4 << 30
    """Bytes of WAL that it writes within the window: more than a megabyte a second."""
    min_share: Share = 0.33
    """Share of the WAL of all statements."""
    min_calls: Annotated[int, FIXED] = 20
    """Executions within the window: a load or a purge writes much at once."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    for one in heaviest(load, "wal_bytes", limits):
        yield evidence(load, one.ran, one.share)


def evidence(load: Load, ran: Ran, share: float) -> Evidence:
    use = ran.use
    pages = min(1.0, use.wal_fpi * load.block / use.wal_bytes)
    rows = use.rows / use.calls
    return told(
        load,
        ran,
        use.wal_bytes,
        f"{ran.brief} wrote {bytes_text(use.wal_bytes)} of WAL within"
        f" {duration_text(ran.seconds)}: {share_text(share)} of the WAL of all statements,"
        f" {bytes_text(use.each('wal_bytes'))} each time for {number_text(rows)} rows.",
        {
            "wal_bytes": use.wal_bytes,
            "share_of_wal": share,
            "full_page_share": pages,
            "wal_bytes_per_call": use.each("wal_bytes"),
            "rows_per_call": rows,
        },
        tuple(advice(pages, ran)),
    )


def advice(pages: float, ran: Ran) -> Iterator[str]:
    if pages >= PAGES:
        yield remark(
            f"About {share_text(pages)} of it are whole pages, each written when it is first"
        )
        yield remark(
            "changed after a checkpoint. Rarer checkpoints (max_wal_size), keys in the order"
        )
        yield remark("of time instead of random ones, and wal_compression make it less.")
    elif ran.first_word == "update":
        yield remark("Update only rows that change (column IS DISTINCT FROM its new value),")
        yield remark("and see whether each index on the table is needed: each writes its own WAL.")
    else:
        yield remark("See whether each index on the table is needed: each writes its own WAL.")


finding = statement_review("Statement writes most of the WAL", Limits(), judge, unit="bytes")
