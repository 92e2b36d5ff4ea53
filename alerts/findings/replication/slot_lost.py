"""A replication slot is lost: its consumer can't go on from where it stopped."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.wal.slots import PGOUTPUT, check, give_up, loss_of
from collectors.replication_slots import Slot, replication_slots
from collectors.settings import settings
from collectors.wal_receiver import wal_receiver

IDLE = "idle_timeout"
REASONS = {
    "wal_removed": "the WAL that it needs was removed (max_slot_wal_keep_size)",
    "rows_removed": "rows of catalogues that it needs were removed (a standby without feedback)",
    "wal_level_insufficient": "wal_level was lowered on the primary",
    IDLE: "it was not used for longer than idle_replication_slot_timeout",
}


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it is lost or not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for slot in snapshot.rows(replication_slots):
        if slot.is_invalid and not slot.synced:
            yield evidence(snapshot, slot)


def evidence(snapshot: Snapshot, slot: Slot) -> Evidence:
    reason = slot.invalidation_reason or ("rows_removed" if slot.conflicting else "wal_removed")
    # A standby may go on from the archive; what was not used for long misses nothing tonight.
    grave = slot.slot_type == "logical" and reason != IDLE
    return Evidence(
        subject=slot.slot_name,
        severity=Severity.critical if grave else Severity.warning,
        value=1,
        message=(
            f"The {slot.slot_type} slot {slot.slot_name} is lost: {REASONS.get(reason, reason)}."
            f" Its consumer can't go on from it: {loss_of(slot)}."
        ),
        facts={
            "reason": reason,
            "slot_type": slot.slot_type,
            "plugin": slot.plugin,
            "database": slot.datname,
            "is_active": slot.active,
        },
        cure=(*rebuild(slot), *give_up(snapshot, slot)),
        check=check(slot),
    )


def rebuild(slot: Slot) -> tuple[str, ...]:
    if slot.slot_type == "physical":
        return (
            remark("1. If the standby has a restore_command, and the archive has the WAL, it goes"),
            remark("   on from there. Otherwise rebuild it with pg_basebackup."),
            remark("2. Make a new slot for it, after the lost one is dropped."),
        )
    if slot.plugin == PGOUTPUT:
        name = identifier(slot.slot_name)
        return (
            remark("1. On the subscriber, detach the subscription from the slot, so that it is"),
            remark(f"   not dropped with it: ALTER SUBSCRIPTION {name} DISABLE;"),
            remark(f"   ALTER SUBSCRIPTION {name} SET (slot_name = NONE);"),
            remark(f"   DROP SUBSCRIPTION {name};"),
            remark("2. Empty its tables there, and create it again with copy_data: what has"),
            remark("   changed in between is in no WAL any more."),
        )
    return (
        remark("1. Stop the connector; tell it to take a new snapshot (Debezium: an incremental"),
        remark("   one, or snapshot.mode=always), because it has missed changes."),
        remark("2. It makes a new slot, after the lost one is dropped."),
    )


finding = Finding(
    title="Replication slot lost",
    severities=(Severity.warning, Severity.critical),
    reads=(replication_slots,),
    consults=(settings, wal_receiver),
    limits=Limits(),
    judge=judge,
    alerted_by=AlertedBy.subject,
)
