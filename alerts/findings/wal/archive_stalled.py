"""Finished WAL files wait, and the archiver says nothing: its command hangs, or is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration
from alerts.wal.archive_cures import CHECK, configure, unblock
from alerts.wal.archive_queue import POSITIONS, ArchiveQueue, queue_of, waiting_text
from alerts.wal.archiving import archives
from alerts.wal.disk import Room, room_of
from alerts.wal.server_settings import provider_of, text_of
from alerts.wal.speed import WRITTEN, growth_text
from collectors.archiver import Archiver, archiver
from collectors.settings import settings
from collectors.volumes import volumes
from collectors.wal_directory import wal_directory
from collectors.wal_position import wal_position


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    waiting: Duration = timedelta(minutes=10)
    """Time that the oldest finished file has waited; archiving a file takes seconds."""
    waiting_critical: Duration = timedelta(hours=1)
    """Time from which it is critical: that much of the newest data is in no archive."""
    kept_critical: Bytes = 16 * 1024**3
    """WAL that is kept, from which it is critical, where the disk can't be looked at: few have
    more to spare."""
    disk_left: Duration = timedelta(hours=6)
    """Time until the disk of pg_wal is full, at the present speed, from which it is critical."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = snapshot.row(archiver)
    if not row.is_archiving:
        return
    if provider := provider_of(snapshot):
        yield Unjudged(f"{provider} archives by itself, and shows none of it here")
        return
    if row.is_failing:  # archive_failing tells it
        return
    queue = queue_of(snapshot)
    if queue is None:
        what = "what was archived last is no file of WAL"
        if row.last_archived_wal is None:
            what = "nothing was archived yet"
        yield Unjudged(f"{what}, and the archiver's files were not listed since")
    elif queue.files:
        waited = queue.waited_seconds or 0.0
        if waited >= limits.waiting.total_seconds():
            yield evidence(snapshot, row, queue, limits)
        elif queue.waited_seconds is None or not queue.is_exact:
            yield Unjudged("how long the oldest file waits is not known yet", subject="archiver")


def evidence(snapshot: Snapshot, row: Archiver, queue: ArchiveQueue, limits: Limits) -> Evidence:
    waited = queue.waited_seconds or 0.0
    missing, room = is_missing(snapshot), room_of(snapshot)
    critical = waited >= limits.waiting_critical.total_seconds() or _is_full(queue, room, limits)
    return Evidence(
        subject="archiver",
        severity=Severity.critical if critical else Severity.warning,
        value=waited,
        message=(
            f"{_reason(row, missing, limits)}{waiting_text(queue)} No backup can be rolled forward"
            f" over them.{growth_text(snapshot)}"
            f"{room.text if room else ''}"
        ),
        facts={
            "waiting_files": queue.files,
            "waited_seconds": waited,
            "kept_bytes": queue.bytes,
            "last_archived_wal": row.last_archived_wal,
            "last_archived_seconds": row.archived_seconds,
            "is_configured": not missing,
        },
        cure=configure(snapshot) if missing else unblock(snapshot),
        check=CHECK,
    )


def _is_full(queue: ArchiveQueue, room: Room | None, limits: Limits) -> bool:
    """Return True if the disk is nearly full; where it can't be looked at, by the bytes alone."""
    return room.is_short(limits.disk_left) if room else queue.bytes >= limits.kept_critical


def is_missing(snapshot: Snapshot) -> bool:
    """Return True if there is neither a command nor a library to archive with."""
    if not snapshot.has(settings):
        return False
    return not any(text_of(snapshot, name) for name in ("archive_command", "archive_library"))


def _reason(row: Archiver, missing: bool, limits: Limits) -> str:
    if missing:
        return "archive_mode is on, but archive_command is empty: nothing is archived."
    recent = row.archived_seconds
    if recent is not None and recent < limits.waiting.total_seconds():
        return "WAL is archived more slowly than it is written."
    return "The archiver neither succeeds nor fails: its command hangs, or it does not run."


finding = Finding(
    title="WAL archiving stands still",
    severities=(Severity.warning, Severity.critical),
    reads=(archiver,),
    consults=(settings, volumes, wal_directory, wal_position),
    history=(POSITIONS, WRITTEN),
    limits=Limits(),
    judge=judge,
    applies=archives,
    unit="seconds",
)
