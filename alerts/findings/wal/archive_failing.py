"""WAL can't be archived: no backup can be restored to later than now, and pg_wal grows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, duration_text, moment_text
from alerts.wal.archive_cures import CHECK, repair, way_of
from alerts.wal.archive_queue import POSITIONS, ArchiveQueue, queue_of, waiting_text
from alerts.wal.archiving import archives
from alerts.wal.disk import Room, room_of
from alerts.wal.server_settings import provider_of
from alerts.wal.speed import WRITTEN, growth_text, speed_of
from collectors.archiver import Archiver, archiver
from collectors.settings import settings
from collectors.volumes import volumes
from collectors.wal_directory import wal_directory
from collectors.wal_position import wal_position


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    waiting_critical: Duration = timedelta(hours=1)
    """Time that the oldest file has waited, from which it is critical: that much of the newest
    data is in no archive."""
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
    elif row.is_failing:
        yield evidence(snapshot, row, queue_of(snapshot), limits)


def evidence(
    snapshot: Snapshot, row: Archiver, queue: ArchiveQueue | None, limits: Limits
) -> Evidence:
    kept = queue.bytes if queue else None
    waited = (queue.waited_seconds if queue else None) or 0.0
    speed, room = speed_of(snapshot), room_of(snapshot)
    return Evidence(
        subject="archiver",
        severity=_severity(row, kept or 0, waited, room, limits),
        value=row.failed_count,
        message=(
            f"Archiving fails: {plural(row.failed_count, 'attempt')} so far, the last one"
            f" {duration_text(row.failed_seconds or 0)} ago for {row.last_failed_wal};"
            f" {_since(row)}.{waiting_text(queue)}{growth_text(snapshot)}"
            f"{room.text if room else ''}"
        ),
        facts={
            "failed_attempts": row.failed_count,
            "last_failed_wal": row.last_failed_wal,
            "last_failed_seconds": row.failed_seconds,
            "last_archived_wal": row.last_archived_wal,
            "last_archived_seconds": row.archived_seconds,
            "waiting_files": queue.files if queue else None,
            "kept_bytes": kept,
            "waited_seconds": queue.waited_seconds if queue else None,
            "wal_growth_bytes_per_second": speed.per_second if speed else None,
            "disk_free_bytes": room.bytes if room else None,
            "way": way_of(snapshot),
        },
        cure=repair(snapshot, row.last_failed_wal),
        check=CHECK,
    )


def _severity(
    row: Archiver, kept: int, waited: float, room: Room | None, limits: Limits
) -> Severity:
    long = max(waited, row.failing_at_least_seconds) >= limits.waiting_critical.total_seconds()
    full = room.is_short(limits.disk_left) if room else kept >= limits.kept_critical
    return Severity.critical if long or full else Severity.warning


def _since(row: Archiver) -> str:
    if row.last_archived_time is None:
        began = f" ({moment_text(row.stats_reset)})" if row.stats_reset else ""
        return f"nothing was archived since the statistics began{began}"
    return (
        f"nothing was archived since {moment_text(row.last_archived_time)}, the last was"
        f" {row.last_archived_wal}"
    )


finding = Finding(
    title="WAL archiving fails",
    severities=(Severity.warning, Severity.critical),
    reads=(archiver,),
    consults=(settings, volumes, wal_directory, wal_position),
    history=(POSITIONS, WRITTEN),
    limits=Limits(),
    judge=judge,
    applies=archives,
    unit="attempts",
    hold=timedelta(minutes=2),
)
