"""A replication slot keeps so much WAL that the disk fills up, or that the slot will be lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.runway.climb import last_hour
from alerts.runway.exhaustion import exhaustion
from alerts.runway.slot_trends import RETAINED
from alerts.runway.trends import Trend
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, Share, bytes_text, duration_text, share_text
from alerts.wal.disk import Room, room_of
from alerts.wal.server_settings import needed
from alerts.wal.slots import check, give_up, loss_of, no_shortcut, start_consumer
from alerts.wal.speed import WRITTEN, Speed, growth_text, speed_of
from collectors.replication_slots import Slot, replication_slots
from collectors.settings import settings
from collectors.volumes import volumes
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver

LEAST_RISE = 0.02
"""Share of max_slot_wal_keep_size by which an hour must have filled it; less is no trend."""
UNRESERVED = "unreserved"
"""The next checkpoint takes what it needs."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    least: Bytes = 1024**3
    """Minimum WAL that is reported where max_slot_wal_keep_size is unlimited; also more than
    max_wal_size, for which the disk is meant."""
    critical: Bytes = 64 * 1024**3
    """WAL from which it is critical without such a limit, where the disk can't be looked at."""
    disk_left: Duration = timedelta(hours=6)
    """Time until the disk of pg_wal is full, at the present speed, from which it is critical."""
    share: Share = 0.5
    """Share of max_slot_wal_keep_size that is used."""
    share_critical: Share = 0.8
    """Share from which it is critical: the next burst may lose the slot."""
    left: Duration = timedelta(hours=1)
    """Time until the slot is lost, at the present speed, from which it is critical."""


@dataclass(frozen=True, slots=True)
class Runway:
    """Runway of a slot up to max_slot_wal_keep_size; None where it is unlimited."""

    left_bytes: int | None
    share: float | None
    seconds: float | None


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    planned, speed, room = needed(snapshot, "max_wal_size"), speed_of(snapshot), room_of(snapshot)
    for slot in snapshot.rows(replication_slots):
        if slot.retained_bytes is None or slot.is_invalid or slot.temporary:
            continue
        trend = snapshot.of(RETAINED).get(slot.slot_name)
        runway = runway_of(slot, slot.retained_bytes, speed, trend)
        if runway.share is None:
            severity = unlimited(slot.retained_bytes, room, planned, limits)
        else:
            severity = limited(slot, runway.share, runway, limits)
        if severity:
            yield evidence(snapshot, slot, slot.retained_bytes, severity, runway)


def runway_of(slot: Slot, retained: int, speed: Speed | None, trend: Trend | None) -> Runway:
    """Return what is left: by how fast it has filled for an hour, or else by all WAL that is
    written, of which a consumer that is at work takes its part."""
    if slot.safe_wal_bytes is None:
        return Runway(None, None, None)
    left = max(0, slot.safe_wal_bytes)
    share = retained / (retained + left) if retained + left else 0.0
    if slot.active and trend and last_hour(trend.minutes):
        climbing = exhaustion(trend.minutes, retained + left, 0.0, LEAST_RISE * (retained + left))
        return Runway(left, share, climbing.seconds if climbing else None)
    return Runway(left, share, speed.until(left) if speed else None)


def unlimited(retained: int, room: Room | None, planned: float, limits: Limits) -> Severity | None:
    """Judge by the disk; where it can't be looked at, by the bytes alone."""
    if retained < max(limits.least, planned):
        return None
    critical = room.is_short(limits.disk_left) if room else retained >= limits.critical
    return Severity.critical if critical else Severity.warning


def limited(slot: Slot, share: float, runway: Runway, limits: Limits) -> Severity | None:
    """Judge by what is left of max_slot_wal_keep_size."""
    if slot.wal_status == UNRESERVED or share >= limits.share_critical:
        return Severity.critical
    if share < limits.share:
        return None
    soon = runway.seconds is not None and runway.seconds < limits.left.total_seconds()
    return Severity.critical if soon else Severity.warning


def evidence(
    snapshot: Snapshot, slot: Slot, retained: int, severity: Severity, runway: Runway
) -> Evidence:
    state, room = "slow" if slot.active else "not connected", room_of(snapshot)
    return Evidence(
        subject=slot.slot_name,
        severity=severity,
        value=retained,
        message=(
            f"The {slot.slot_type} slot {slot.slot_name}, whose consumer is {state}, keeps"
            f" {bytes_text(retained)} of WAL; {_end(slot, runway)}.{growth_text(snapshot)}"
            f"{room.text if room else ''}"
        ),
        facts={
            "retained_bytes": retained,
            "safe_bytes": runway.left_bytes,
            "used_share": runway.share,
            "runway_seconds": runway.seconds,
            "disk_free_bytes": room.bytes if room else None,
            "is_active": slot.active,
            "wal_status": slot.wal_status,
            "slot_type": slot.slot_type,
            "plugin": slot.plugin,
        },
        cure=(
            *(hurry(slot) if slot.active else start_consumer(snapshot, slot)),
            *(() if slot.active else give_up(snapshot, slot)),
            *no_shortcut(),
        ),
        check=check(slot),
    )


def _end(slot: Slot, runway: Runway) -> str:
    if slot.wal_status == UNRESERVED:
        return f"the next checkpoint takes it, and then {loss_of(slot)}"
    if runway.share is None or runway.left_bytes is None:
        return "without a limit it grows until the disk of pg_wal is full, and the server stops"
    when = f", in about {duration_text(runway.seconds)}" if runway.seconds is not None else ""
    return (
        f"that is {share_text(runway.share)} of max_slot_wal_keep_size; after another"
        f" {bytes_text(runway.left_bytes)}{when}, it is lost, and {loss_of(slot)}"
    )


def hurry(slot: Slot) -> tuple[str, ...]:
    if slot.slot_type == "physical":
        return (remark("Its consumer is connected but behind: see replica_lag for the stage."),)
    return (
        remark("Its consumer is connected but behind: see logical_spill, and at the consumer what"),
        remark("it waits for. A long transaction here keeps WAL until it ends: end it."),
    )


finding = Finding(
    title="WAL kept by a replication slot",
    severities=(Severity.warning, Severity.critical),
    reads=(replication_slots, settings),
    consults=(volumes, wal_position, wal_receiver),
    history=(WRITTEN, RETAINED),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    alerted_by=AlertedBy.subject,
    hold=timedelta(minutes=2),
)
