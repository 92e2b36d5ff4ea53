"""A volume of the server is nearly full: when it is, writes fail and the server stops."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from shlex import quote
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.runway.exhaustion import exhaustion
from alerts.runway.growers import SPILLED, Grower, grower
from alerts.runway.rate import Eta, eta
from alerts.runway.size_trends import DATABASE_SIZES, TABLE_SIZES
from alerts.runway.trends import Trend
from alerts.runway.volume_trends import INODES, LOG_FILES, TEMPORARY, VOLUMES, WAL_SIZE
from alerts.runway.wording import eta_text
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, Share, bytes_text, share_text
from collectors.database_sizes import database_sizes
from collectors.log_files import log_files
from collectors.replication_slots import replication_slots
from collectors.slot_statistics import slot_statistics
from collectors.temp_files import temp_files
from collectors.user_tables import user_tables
from collectors.volumes import Volume, volumes
from collectors.wal_directory import wal_directory

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    slack = 0.97

    used: Share = 0.9
    """Used share of the volume, or of its inodes."""
    used_critical: Share = 0.95
    """Used share from which it is critical."""
    spare_bytes: Annotated[Bytes, Slack(1.1)] = 50 * GIB
    """Free space that is enough whatever its share is: a tenth of a large volume is much."""
    spare_critical_bytes: Annotated[Bytes, Slack(1.1)] = 20 * GIB
    """Free space from which it is not critical, whatever its share is."""
    hours_left: Annotated[Duration, Slack(2.0)] = timedelta(hours=4)
    """Time until it is full, of space or of inodes, at the pace of the last hour."""
    hours_critical: Annotated[Duration, Slack(1.5)] = timedelta(hours=1)
    """Time left from which it is critical, at the slowest pace of the hour that is certain."""
    days_left: Annotated[Duration, Slack(1.3)] = timedelta(days=7)
    """Time until it is full, at the slowest pace of the last weeks."""
    days_critical: Annotated[Duration, Slack(1.3)] = timedelta(days=1)
    """Time left at that pace from which it is critical."""
    least_used: Share = 0.6
    """Used share below which a forecast alone is never critical."""
    least_rise: Annotated[Share, FIXED] = 0.02
    """Share of the volume by which the last hour must have risen; less is no trend."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Filling of a volume with bytes or inodes, and the time when it is full."""

    used: float
    """Share."""
    free_bytes: int | None
    """None of inodes: whatever space is left, no file can be made without one."""
    end: Eta | None
    soon: float | None
    """Seconds at the pace of the last hour; None where it does not climb."""

    @property
    def is_of_inodes(self) -> bool:
        return self.free_bytes is None


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trends = snapshot.of(VOLUMES)
    for volume in snapshot.rows(volumes):
        if not volume.size_bytes or volume.available_bytes is None:
            why = volume.error or "its size is 0"
            yield Unjudged(f"{volume.path}: {why}", subject=volume.places)
            continue
        known = list(fillings(volume, volume.size_bytes, volume.available_bytes, trends, limits))
        judged = [(severity_of(one, limits), one) for one in known]
        ill = [(severity, one) for severity, one in judged if severity is not None]
        if ill:
            severity, worst = max(ill, key=lambda pair: (pair[0].rank, pair[1].used))
            most = None if worst.is_of_inodes else grower(snapshot, volume)
            yield evidence(volume, known, worst, severity, most)


def fillings(
    volume: Volume, size: int, available: int, trends: Mapping[str, Trend], limits: Limits
) -> Iterator[Filling]:
    """Yield how full it is of bytes, then of inodes where they are limited."""
    used = size - available
    yield filling(used, size, available, trends.get(volume.places), limits)
    if volume.inodes and volume.inodes_available is not None:
        used = volume.inodes - volume.inodes_available
        yield filling(used, volume.inodes, None, trends.get(INODES + volume.places), limits)


def filling(
    used: int, size: int, free_bytes: int | None, trend: Trend | None, limits: Limits
) -> Filling:
    climbing = exhaustion(trend.minutes, size, 0.0, limits.least_rise * size) if trend else None
    days = eta(size - used, trend.rate) if trend and trend.rate else None
    soon = climbing.seconds if climbing else None
    return Filling(used / size, free_bytes, climbing.eta if climbing else days, soon)


def severity_of(one: Filling, limits: Limits) -> Severity | None:
    if one.used >= limits.used_critical and has_less(one, limits.spare_critical_bytes):
        return Severity.critical
    critical = limits.days_critical if one.soon is None else limits.hours_critical
    is_certain = one.end is not None and one.end.within(critical.total_seconds())
    if is_certain and one.used >= limits.least_used:
        return Severity.critical
    is_full = one.used >= limits.used and has_less(one, limits.spare_bytes)
    return Severity.warning if is_full or is_soon(one, limits) else None


def has_less(one: Filling, spare: float) -> bool:
    """Return whether less is free than what is enough, whatever its share is."""
    return one.free_bytes is None or one.free_bytes < spare


def is_soon(one: Filling, limits: Limits) -> bool:
    """Whether it is full soon: at the median pace of the hour, or at the least of the days."""
    if one.soon is not None:
        return one.soon < limits.hours_left.total_seconds()
    return one.end is not None and one.end.within(limits.days_left.total_seconds())


def evidence(
    volume: Volume,
    known: Sequence[Filling],
    worst: Filling,
    severity: Severity,
    most: Grower | None,
) -> Evidence:
    free = f"{bytes_text(volume.available_bytes or 0)} of {bytes_text(volume.size_bytes or 0)}"
    if worst.is_of_inodes:
        free = f"{volume.inodes_available:,} of {volume.inodes:,} inodes"
    growing = f" Growing most: {most.text}." if most else ""
    inodes = next((one.used for one in known if one.is_of_inodes), 0.0)
    return Evidence(
        subject=volume.places,
        severity=severity,
        value=worst.used,
        message=(
            f"The volume of {volume.places} ({volume.path}) is {share_text(worst.used)} full:"
            f" {free} are free{full_text(worst)}.{growing}"
        ),
        facts={
            "size_bytes": volume.size_bytes,
            "available_bytes": volume.available_bytes,
            "used_share": known[0].used,
            "used_inodes_share": inodes,
            "earliest_end_seconds": worst.end.early if worst.end else None,
            "latest_end_seconds": worst.end.late if worst.end else None,
            "grower": most.name if most else None,
            "grown_in_an_hour_bytes": most.rise_bytes if most else None,
        },
        cure=many_files(volume) if worst.is_of_inodes else cure(most),
        check=remark(f"On the server: df -h {quote(volume.path)}; df -i {quote(volume.path)}"),
    )


def many_files(volume: Volume) -> tuple[str, ...]:
    """Print how to find the folder with most files; pg_wal and tablespaces may be links."""
    find = f"find -H {quote(volume.path)} -xdev -printf '%h\\n'"
    return (
        remark(
            "Space is left, but no new file can be made. Find the folder with most files, as root:"
        ),
        remark(f"{find} | sort | uniq -c | sort -n | tail"),
        remark(
            "Files of the server itself: of WAL that waits for the archiver or a slot (pg_wal), of"
        ),
        remark(
            "tables, indexes and partitions (base; DROP frees them). Never delete these by hand."
        ),
    )


def full_text(one: Filling) -> str:
    return f"; it is full{eta_text(one.end)}".replace("full,", "full") if one.end else ""


def cure(most: Grower | None) -> tuple[str, ...]:
    advice = (
        remark(
            "Otherwise make the volume larger. DELETE frees no space of the volume, and neither"
        ),
        remark("does VACUUM; dropping or truncating a table or partition does."),
    )
    if most is None:
        return (remark("What grows is not known yet; look with du on the server."), *advice)
    return (*most.cure, *advice)


finding = Finding(
    title="Volume nearly full",
    severities=(Severity.warning, Severity.critical),
    reads=(volumes,),
    consults=(
        wal_directory,
        temp_files,
        log_files,
        database_sizes,
        user_tables,
        replication_slots,
        slot_statistics,
    ),
    history=(VOLUMES, WAL_SIZE, TEMPORARY, LOG_FILES, DATABASE_SIZES, TABLE_SIZES, SPILLED),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    alerted_by=AlertedBy.subject,
)
