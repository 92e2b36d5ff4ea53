"""Nothing reads from a replication slot: it keeps WAL, and its consumer falls behind."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.history.unchanged import Unchanged
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, bytes_text, duration_text
from alerts.wal.slots import check, give_up, loss_of, no_shortcut, start_consumer
from collectors.replication_slots import Slot, replication_slots
from collectors.settings import settings
from collectors.wal_receiver import wal_receiver

USE = Unchanged(replication_slots, "active")
READING = tuple(
    Unchanged(replication_slots, column) for column in ("confirmed_flush_lsn", "restart_lsn")
)
"""Only a consumer moves them; the first is of logical slots."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    inactive: Duration = timedelta(minutes=30)
    """Time without a consumer; a restarted one is back within minutes. Increase it for slots
    that are read at intervals."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for slot in snapshot.rows(replication_slots):
        if slot.active or not expects_consumer(slot):
            continue
        seconds, certain = unused(snapshot, slot)
        if seconds >= limits.inactive.total_seconds():
            yield evidence(snapshot, slot, seconds)
        elif not certain:
            until = snapshot.at + limits.inactive.total_seconds() - seconds
            yield Unjudged("it is not watched for long enough", subject=slot.slot_name, until=until)


def expects_consumer(slot: Slot) -> bool:
    """Return False for slots that are kept for a failover, lost, of a session, or never used."""
    spare = slot.in_recovery or bool(slot.synced)
    return not (spare or slot.temporary or slot.is_invalid or slot.restart_lsn is None)


def unused(snapshot: Snapshot, slot: Slot) -> tuple[float, bool]:
    """Return how long it is not used, at least, and whether that is exact.

    A consumer that is there for moments only, such as one that reads by a function, or a standby
    that is refused again and again, is seen by what it has confirmed.
    """
    key = replication_slots.key_of(slot)
    use = snapshot.of(USE).get(key)
    own = slot.inactive_seconds
    if own is None:
        own = use.seconds if use else 0.0
    read = (snapshot.of(one).get(key) for one in READING)
    own = min((own, *(one.seconds for one in read if one and one.moved)))
    return own, slot.inactive_seconds is not None


def evidence(snapshot: Snapshot, slot: Slot, seconds: float) -> Evidence:
    kept = f"; it keeps {bytes_text(slot.retained_bytes)} of WAL" if slot.retained_bytes else ""
    at_least = "" if slot.inactive_seconds is not None else "at least "
    what = f"{slot.slot_type} slot {slot.slot_name}"
    return Evidence(
        subject=slot.slot_name,
        severity=Severity.warning,
        value=seconds,
        message=(
            f"The {what} has had no consumer for {at_least}{duration_text(seconds)}{kept}. When it"
            f" is lost, {loss_of(slot)}."
        ),
        facts={
            "slot_type": slot.slot_type,
            "plugin": slot.plugin,
            "database": slot.datname,
            "inactive_seconds": seconds,
            "retained_bytes": slot.retained_bytes,
            "horizon_age_transactions": slot.xmin_age or slot.catalog_xmin_age,
        },
        cure=(*start_consumer(snapshot, slot), *give_up(snapshot, slot), *no_shortcut()),
        check=check(slot),
    )


finding = Finding(
    title="Replication slot without a consumer",
    severities=(Severity.warning,),
    reads=(replication_slots,),
    consults=(settings, wal_receiver),
    history=(USE, *READING),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    alerted_by=AlertedBy.subject,
)
