"""A volume of the server is nearly full: when it is, writes fail and the server stops."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.runway.exhaustion import exhaustion
from alerts.runway.growers import SPILLED, Grower, grower
from alerts.runway.rate import Eta, eta
from alerts.runway.size_trends import DATABASE_SIZES, TABLE_SIZES
from alerts.runway.trends import Trend
from alerts.runway.volume_trends import LOG_FILES, TEMPORARY, VOLUMES, WAL_SIZE
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
MANY_FILES = (
    remark("Space is left, but no new file can be made. Find the folder with most files, as root:"),
    remark("find … -xdev -printf '%h\\n' | sort | uniq -c | sort -n | tail"),
    remark("Files of the server itself: of WAL that waits for the archiver or a slot (pg_wal), of"),
    remark("tables, indexes and partitions (base; DROP frees them). Never delete these by hand."),
)


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
    """Time until it is full, at the pace of the last hour."""
    hours_critical: Annotated[Duration, Slack(1.5)] = timedelta(hours=1)
    """Time left from which it is critical, at the least pace of the hour that is certain."""
    days_left: Annotated[Duration, Slack(1.3)] = timedelta(days=7)
    """Time until it is full, at the least pace of the last weeks."""
    days_critical: Annotated[Duration, Slack(1.3)] = timedelta(days=1)
    """Time left at that pace from which it is critical."""
    least_used: Share = 0.6
    """Used share below which a forecast alone is never critical."""
    least_rise: Annotated[Share, FIXED] = 0.02
    """Share of the volume by which the last hour must have risen; less is no trend."""


@dataclass(frozen=True, slots=True)
class VolumeState:
    """How full a volume is, and when it is full."""

    used: float
    """Share."""
    inodes: float
    """Used share; 0 where there is no limit of them."""
    available: int
    end: Eta | None
    soon: float | None
    """Seconds at the pace of the last hour; None where it does not climb."""

    @property
    def is_of_inodes(self) -> bool:
        """Whether files will be missing before space is."""
        return self.inodes > self.used


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trends = snapshot.of(VOLUMES)
    for volume in snapshot.rows(volumes):
        if not volume.size_bytes or volume.available_bytes is None:
            why = volume.error or "its size is 0"
            yield Unjudged(f"{volume.path}: {why}", subject=volume.places)
            continue
        size, available = volume.size_bytes, volume.available_bytes
        state = state_of(volume, size, available, trends.get(volume.places), limits)
        if (severity := severity_of(state, limits)) is not None:
            most = None if state.is_of_inodes else grower(snapshot, volume)
            yield evidence(volume, size, state, severity, most)


def state_of(
    volume: Volume, size: int, available: int, trend: Trend | None, limits: Limits
) -> VolumeState:
    inodes = 0.0
    if volume.inodes and volume.inodes_available is not None:
        inodes = 1 - volume.inodes_available / volume.inodes
    climbing = exhaustion(trend.minutes, size, 0.0, limits.least_rise * size) if trend else None
    days = eta(available, trend.rate) if trend and trend.rate else None
    soon = climbing.seconds if climbing else None
    used = (size - available) / size
    return VolumeState(used, inodes, available, climbing.eta if climbing else days, soon)


def severity_of(state: VolumeState, limits: Limits) -> Severity | None:
    has_no_spare = state.available < limits.spare_critical_bytes
    if state.inodes >= limits.used_critical or (
        has_no_spare and state.used >= limits.used_critical
    ):
        return Severity.critical
    critical = limits.days_critical if state.soon is None else limits.hours_critical
    is_certain = state.end is not None and state.end.within(critical.total_seconds())
    if is_certain and state.used >= limits.least_used:
        return Severity.critical
    has_little = state.available < limits.spare_bytes
    is_full = state.inodes >= limits.used or (has_little and state.used >= limits.used)
    soon = is_soon(state, limits)
    return Severity.warning if is_full or soon else None


def is_soon(state: VolumeState, limits: Limits) -> bool:
    """Whether it is full soon: at the median pace of the hour, or at the least of the days."""
    if state.soon is not None:
        return state.soon < limits.hours_left.total_seconds()
    return state.end is not None and state.end.within(limits.days_left.total_seconds())


def evidence(
    volume: Volume, size: int, state: VolumeState, severity: Severity, most: Grower | None
) -> Evidence:
    free = f"{bytes_text(state.available)} of {bytes_text(size)} are free"
    if state.is_of_inodes:
        free = f"{volume.inodes_available:,} of {volume.inodes:,} inodes are free"
    growing = f" Growing most: {most.text}." if most else ""
    return Evidence(
        subject=volume.places,
        severity=severity,
        value=max(state.used, state.inodes),
        message=(
            f"The volume of {volume.places} ({volume.path}) is"
            f" {share_text(max(state.used, state.inodes))} full: {free}{full_text(state)}.{growing}"
        ),
        facts={
            "size_bytes": size,
            "available_bytes": state.available,
            "used_share": state.used,
            "used_inodes_share": state.inodes,
            "earliest_end_seconds": state.end.early if state.end else None,
            "latest_end_seconds": state.end.late if state.end else None,
            "grower": most.name if most else None,
            "grown_in_an_hour_bytes": most.rise_bytes if most else None,
        },
        cure=MANY_FILES if state.is_of_inodes else cure(most),
        check=remark(f"On the server: df -h {volume.path}; df -i {volume.path}"),
    )


def full_text(state: VolumeState) -> str:
    return f"; it is full{eta_text(state.end)}".replace("full,", "full") if state.end else ""


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
