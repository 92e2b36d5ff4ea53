"""Checkpoints wait long for the disk to sync their files, and so do commits at that time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from alerts.wal.checkpoints import CHECKPOINTS, Checkpoints, checkpoints_of
from alerts.wal.larger import known_number
from alerts.wal.server_settings import AURORA, writes_own_storage
from collectors._base import Role
from collectors.checkpointer import checkpointer
from collectors.settings import settings

FLUSHED = 256 * 1024
"""Bytes after which the kernel is told to write; PostgreSQL's default on Linux."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    sync: Duration = timedelta(seconds=10)
    """Mean time of the sync phase; on sound disks it takes less than a second."""
    least: int = 2
    """Minimum number of checkpoints over which it is averaged."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if writes_own_storage(snapshot):
        yield Unjudged(AURORA)
        return
    checkpoints, learning = checkpoints_of(snapshot)
    if checkpoints.all and checkpoints.all >= limits.least:
        mean = checkpoints.sync_seconds / checkpoints.all
        if mean >= limits.sync.total_seconds():
            yield evidence(snapshot, checkpoints, mean)
    elif learning:
        yield learning


def evidence(snapshot: Snapshot, checkpoints: Checkpoints, mean: float) -> Evidence:
    return Evidence(
        subject="checkpoint sync",
        severity=Severity.warning,
        value=mean,
        message=(
            f"The {checkpoints.all:.0f} checkpoints in {duration_text(round(checkpoints.seconds))}"
            f" waited {duration_text(mean)} each for the disk to sync their files; commits and"
            " reads wait for the same disk then."
        ),
        facts={
            "mean_sync_seconds": mean,
            "sync_seconds": checkpoints.sync_seconds,
            "write_seconds": checkpoints.write_seconds,
            "checkpoints": checkpoints.all,
            "within_seconds": checkpoints.seconds,
        },
        cure=(
            *_earlier(snapshot),
            remark("Outside of PostgreSQL: lower vm.dirty_background_bytes (to 64 MB or so); a"),
            remark("faster disk; pg_wal on a disk of its own, so that commits don't wait for it."),
        ),
        check=remark(
            "With log_checkpoints, the log has 'sync=' and 'longest=' of each checkpoint."
        ),
    )


def _earlier(snapshot: Snapshot) -> Iterator[str]:
    """Yield how the kernel writes earlier, where PostgreSQL does not ask for that already."""
    now = known_number(snapshot, "checkpoint_flush_after")
    if now is None or not 0 < now <= FLUSHED:
        yield remark("Let the kernel write earlier, so that less is left for the sync:")
        yield from change(snapshot, "checkpoint_flush_after", f"'{FLUSHED // 1024}kB'")


finding = Finding(
    title="Slow sync of checkpoints",
    severities=(Severity.warning,),
    reads=(checkpointer,),
    consults=(settings,),
    history=(CHECKPOINTS,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    on=Role.primary,
    unit="seconds",
)
