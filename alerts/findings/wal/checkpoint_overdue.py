"""No checkpoint is completed: a crash would take long to recover, and WAL can't be recycled."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import ACTIVITY, equals, literal, remark
from alerts.history.crossings import Crossed
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text, duration_text
from alerts.wal.archive_queue import POSITIONS
from alerts.wal.server_settings import AURORA, needed, writes_own_storage
from collectors._base import Role
from collectors.activity import Session, activity
from collectors.last_checkpoint import LastCheckpoint, last_checkpoint
from collectors.settings import settings
from collectors.wal_position import wal_position

CHECKPOINTER = "checkpointer"

IDLE = 1024**2
"""Bytes that a server may write without a need for another checkpoint: the end of the last one."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: float = 3.0
    """Age of the last completed checkpoint, as a multiple of checkpoint_timeout; nearly two are
    normal, because it counts from the checkpoint's beginning."""
    least: Bytes = 64 * 1024**2
    """WAL since then; an idle server needs no checkpoint."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if writes_own_storage(snapshot):
        yield Unjudged(AURORA)
        return
    row, timeout = snapshot.row(last_checkpoint), needed(snapshot, "checkpoint_timeout")
    late = row.begun_seconds >= limits.times * timeout
    if not late or (row.redo_bytes or 0) < limits.least:
        return
    patience, due = limits.times * timeout, due_since(snapshot, row)
    if due and due.seconds >= patience:
        yield evidence(snapshot, row, timeout)
    elif due is None or not due.exact:
        until = snapshot.at + patience - (due.seconds if due else 0.0)
        yield Unjudged("it is not known yet for how long one is due", until=until)


def due_since(snapshot: Snapshot, row: LastCheckpoint) -> Crossed | None:
    """Return how long there has been WAL for a checkpoint; None if that is not known.

    An idle server skips its checkpoints: the last one may be of yesterday when a load begins.
    """
    if POSITIONS not in snapshot.histories:
        return None
    return snapshot.of(POSITIONS).passed(row.redo_lsn + IDLE)


def evidence(snapshot: Snapshot, row: LastCheckpoint, timeout: float) -> Evidence:
    process = _checkpointer(snapshot)
    waits = f"{process.wait_event_type}: {process.wait_event}" if process else None
    doing = f" The checkpointer waits ({waits})." if process and process.wait_event else ""
    return Evidence(
        subject="checkpoint",
        severity=Severity.warning,
        value=row.begun_seconds,
        message=(
            f"The last completed checkpoint began {duration_text(row.begun_seconds)} ago, though"
            f" one is due each {duration_text(timeout)}: a crash would have to replay"
            f" {bytes_text(row.redo_bytes or 0)} of WAL, and all of it is kept.{doing}"
        ),
        facts={
            "checkpoint_age_seconds": row.begun_seconds,
            "checkpoint_timeout_seconds": timeout,
            "redo_bytes": row.redo_bytes,
            "checkpointer_waits_for": waits,
        },
        cure=(
            remark("1. The server's log says what fails, such as 'could not fsync file'."),
            remark("2. Look at the disks below the data directory: a checkpoint that syncs waits"),
            remark("   for them. 'CheckpointWriteDelay' is no wait for disks: it paces itself."),
            remark("3. If the disks are well, run CHECKPOINT; once, by hand, and read its error."),
            remark("Don't restart the server to get rid of it: it would replay all that WAL."),
        ),
        check=(
            "SELECT redo_lsn, checkpoint_time FROM pg_catalog.pg_control_checkpoint();"
            f" SELECT pid, wait_event_type, wait_event FROM {ACTIVITY}"
            f" WHERE {equals('backend_type', literal(CHECKPOINTER))};"
        ),
    )


def _checkpointer(snapshot: Snapshot) -> Session | None:
    rows = snapshot.rows(activity) if snapshot.has(activity) else ()
    return next((row for row in rows if row.backend_type == CHECKPOINTER), None)


finding = Finding(
    title="Checkpoint overdue",
    severities=(Severity.warning,),
    reads=(last_checkpoint, settings),
    consults=(activity, wal_position),
    history=(POSITIONS,),
    limits=Limits(),
    judge=judge,
    on=Role.primary,
    unit="seconds",
)
