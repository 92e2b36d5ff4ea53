"""Most checkpoints come before their time, because max_wal_size is too small for the writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.history.window import Window
from alerts.limits import BaseLimits, Slack
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Share, bytes_text, duration_text, share_text
from alerts.wal.checkpoints import CHECKPOINTS, HOUR, Checkpoints, by_size, checkpoints_of
from alerts.wal.larger import MIB, larger
from alerts.wal.server_settings import AURORA, needed, number_of, writes_own_storage
from alerts.wal.speed import WRITTEN
from collectors._base import Role
from collectors.checkpointer import checkpointer
from collectors.settings import settings
from collectors.stat_wal import stat_wal
from collectors.wal_position import wal_position

RECORDS = Window(stat_wal, HOUR, ("records", "full_page_images", "bytes", "buffers_full"))
GIB = 1024**3
CHECK = (
    "SELECT name, setting, unit FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=)"
    " ANY (ARRAY['max_wal_size', 'checkpoint_timeout', 'checkpoint_completion_target']);"
)
MARGIN = 1.25
"""Factor for busier times than the one that was measured."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    share: Annotated[Share, Slack(0.8)] = 0.5
    """Share of checkpoints that were requested because of the volume of WAL."""
    least: int = 6
    """Minimum number of such checkpoints in an hour; a nightly load makes a few."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if writes_own_storage(snapshot):
        yield Unjudged(AURORA)
        return
    checkpoints, learning = checkpoints_of(snapshot)
    full = by_size(snapshot, checkpoints.requested)
    if full and full >= limits.least and full / checkpoints.all >= limits.share:
        yield evidence(snapshot, checkpoints, full)
    elif learning:
        yield learning


def evidence(snapshot: Snapshot, checkpoints: Checkpoints, full: float) -> Evidence:
    allowed, share = needed(snapshot, "max_wal_size"), full / checkpoints.all
    images, buffers = _records(snapshot)
    return Evidence(
        subject="max_wal_size",
        severity=Severity.warning,
        value=share,
        message=(
            f"{full:.0f} of {checkpoints.all:.0f} checkpoints in {_span(checkpoints)}"
            f" ({share_text(share)}) came early, because WAL had reached max_wal_size"
            f" ({bytes_text(allowed)}). Each makes the next change of every page write the whole"
            f" page to WAL{_images(images)}."
        ),
        facts={
            "checkpoints_by_size": full,
            "checkpoints_timed": checkpoints.timed,
            "checkpoints_requested": checkpoints.requested,
            "within_seconds": checkpoints.seconds,
            "max_wal_size_bytes": allowed,
            "full_page_images_share": images,
            "wal_buffers_full": buffers,
        },
        cure=_cure(snapshot, buffers),
        check=CHECK,
    )


def _span(checkpoints: Checkpoints) -> str:
    return duration_text(round(checkpoints.seconds))


def _images(share: float | None) -> str:
    return "" if share is None else f"; up to {share_text(share)} of WAL is such pages"


def _records(snapshot: Snapshot) -> tuple[float | None, float | None]:
    """Return the share of whole pages in WAL, uncompressed, and how often its buffers were full."""
    if not snapshot.has(stat_wal):
        return None, None
    grown = snapshot.of(RECORDS).delta(HOUR).get(())
    if grown is None or not grown.increase["bytes"]:
        return None, None
    page = number_of(snapshot, "block_size") or 8192
    share = grown.increase["full_page_images"] * page / grown.increase["bytes"]
    return min(1.0, share), grown.increase["buffers_full"]


def _cure(snapshot: Snapshot, buffers: float | None) -> tuple[str, ...]:
    written = snapshot.of(WRITTEN).delta(WRITTEN.span)[()]
    timeout = needed(snapshot, "checkpoint_timeout")
    target = 1 + needed(snapshot, "checkpoint_completion_target")
    wanted = written.increase["lsn"] / written.seconds * timeout * target * MARGIN
    size = max(ceil(wanted / GIB), ceil(needed(snapshot, "max_wal_size") / GIB) + 1)
    full = (
        (remark(f"wal_buffers was full {buffers:,.0f} times in that time; increase it too:"),)
        if buffers
        else ()
    )
    return (
        remark(f"pg_wal may then grow to {size} GiB and more: the disk must have that free."),
        *change(snapshot, "max_wal_size", f"'{size}GB'"),
        *full,
        *(larger(snapshot, "wal_buffers", 64 * MIB) if buffers else ()),
        remark("A crash recovery takes longer with it, about as long as the WAL took to write."),
    )


finding = Finding(
    title="Checkpoints forced by WAL volume",
    severities=(Severity.warning,),
    reads=(checkpointer, wal_position, settings),
    consults=(stat_wal,),
    history=(CHECKPOINTS, WRITTEN, RECORDS),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    on=Role.primary,
    unit="ratio",
)
