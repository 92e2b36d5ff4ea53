"""A logical slot would not survive a failover: its consumer would have to be built again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import equals, identifier, literal, remark
from alerts.limits import BaseLimits
from alerts.setting_owner import SettingOwner, change, owner_of
from alerts.snapshot import Snapshot
from alerts.wal.larger import is_on
from alerts.wal.slots import PGOUTPUT, check, is_of_copy, loss_of
from collectors._base import Role
from collectors.replication import replication
from collectors.replication_slots import Slot, replication_slots
from collectors.settings import settings

SINCE = 170000
"""Slots can be synchronised to standbys since this version."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it is ready or not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if (snapshot.node.version or 0) < SINCE or _keeps_slots_itself(snapshot):
        return
    if not any(_is_standby(row.slot_type, row.replay_lsn) for row in snapshot.rows(replication)):
        return
    # The role of one that has not answered since the start is not known.
    standbys = [peer for peer in snapshot.peers if peer.node.role is not Role.primary]
    for slot in snapshot.rows(replication_slots):
        if slot.slot_type != "logical" or slot.temporary or slot.is_invalid or is_of_copy(slot):
            continue
        if not slot.failover:
            yield not_marked(slot)
        else:
            yield from _copied(standbys, slot)


def _copied(standbys: Sequence[Snapshot], slot: Slot) -> Iterator[Outcome]:
    """Judge whether all watched standbys have a copy; one that does not answer is unknown."""
    told = [peer for peer in standbys if peer.has(replication_slots)]
    silent = [peer.node.server for peer in standbys if not peer.has(replication_slots)]
    if lacking := [peer for peer in told if not _has_copy(peer, slot)]:
        yield not_copied(lacking[0], slot)
    elif silent:
        yield Unjudged(f"{silent[0]} does not answer", subject=slot.slot_name)
    elif not standbys:
        why = "whether a standby has a copy of it is only seen where a standby is watched"
        yield Unjudged(why, subject=slot.slot_name, setting="servers")


def _is_standby(slot_type: str | None, replay_lsn: int | None) -> bool:
    return slot_type in (None, "physical") and replay_lsn is not None


def _keeps_slots_itself(snapshot: Snapshot) -> bool:
    """Patroni copies permanent slots to its members by itself."""
    known = snapshot.rows(settings) if snapshot.has(settings) else ()
    return owner_of({row.name: row for row in known}) is SettingOwner.patroni


def _has_copy(standby: Snapshot, slot: Slot) -> bool:
    """Return True if the standby has a copy that is ready, which is one that is permanent."""
    return any(
        row.slot_name == slot.slot_name and row.synced and not row.temporary
        for row in standby.rows(replication_slots)
    )


def not_marked(slot: Slot) -> Evidence:
    name = slot.slot_name
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=1,
        message=(
            f"The logical slot {name} is not marked for failover: after a promotion of a standby it"
            f" is gone, and {loss_of(slot)}."
        ),
        facts={"failover": slot.failover, "plugin": slot.plugin, "database": slot.datname},
        cure=_mark(slot),
        check=(
            "SELECT slot_name, failover, active FROM pg_catalog.pg_replication_slots WHERE"
            f" {equals('slot_name', literal(name))};"
        ),
    )


def _mark(slot: Slot) -> tuple[str, ...]:
    if slot.plugin == PGOUTPUT:
        name = identifier(slot.slot_name)
        return (
            remark("On the subscriber (17 or later), if the subscription is called like its slot:"),
            remark(f"ALTER SUBSCRIPTION {name} DISABLE;"),
            remark(f"ALTER SUBSCRIPTION {name} SET (failover = true);"),
            remark(f"ALTER SUBSCRIPTION {name} ENABLE;"),
            *STANDBY_NEEDS,
        )
    return (
        remark("The consumer marks it: ALTER_REPLICATION_SLOT of the replication protocol, or its"),
        remark("option for failover slots (Debezium: slot.failover=true with a new slot)."),
        *STANDBY_NEEDS,
    )


STANDBY_NEEDS = (
    remark("The standby needs sync_replication_slots = on, hot_standby_feedback = on, a slot of"),
    remark("its own in primary_slot_name, and a dbname in primary_conninfo."),
)


def not_copied(standby: Snapshot, slot: Slot) -> Evidence:
    where = standby.node.server
    return Evidence(
        subject=slot.slot_name,
        severity=Severity.warning,
        value=1,
        message=(
            f"The logical slot {slot.slot_name} is marked for failover, but {where} has no copy of"
            f" it that is ready: after a promotion of {where}, {loss_of(slot)}."
        ),
        facts={"failover": slot.failover, "standby": where, "database": slot.datname},
        cure=(
            remark(f"On {where}:"),
            *(
                line
                for name in ("sync_replication_slots", "hot_standby_feedback")
                if not is_on(standby, name)
                for line in change(standby, name, "on")
            ),
            *STANDBY_NEEDS,
            remark("Its log says what a copy waits for: 'could not synchronize replication slot'."),
        ),
        check=check(slot),
    )


finding = Finding(
    title="Logical slot not ready for failover",
    severities=(Severity.warning,),
    reads=(replication_slots, replication),
    consults=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    on=Role.primary,
)
