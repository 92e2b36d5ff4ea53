"""No limit on what replication slots keep: one forgotten consumer can fill the disk."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.wal.server_settings import needed, setting_of
from collectors.replication_slots import replication_slots
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: there is a limit or not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    slots = [slot for slot in snapshot.rows(replication_slots) if not slot.temporary]
    if slots and needed(snapshot, "max_slot_wal_keep_size") < 0:
        yield evidence(snapshot, len(slots))


def evidence(snapshot: Snapshot, slots: int) -> Evidence:
    idle = setting_of(snapshot, "idle_replication_slot_timeout") is not None
    return Evidence(
        subject="max_slot_wal_keep_size",
        severity=Severity.info,
        value=slots,
        message=(
            f"max_slot_wal_keep_size is unlimited, and there {'is' if slots == 1 else 'are'}"
            f" {plural(slots, 'slot')}: a consumer that is gone fills the disk of pg_wal, which"
            " stops the server."
        ),
        facts={"slots": slots},
        cure=(
            remark("Choose between the two: with a limit, a consumer that is too far behind is"),
            remark(
                "lost and has to be built again; without one, the server stops. Half of what is"
            ),
            remark("free on the disk of pg_wal is a common limit:"),
            *change(snapshot, "max_slot_wal_keep_size", "'…GB'"),
            *(
                (remark("A slot that nothing uses can be given up by time as well:"),)
                if idle
                else ()
            ),
            *(change(snapshot, "idle_replication_slot_timeout", "'…d'") if idle else ()),
            remark("Look at slot_wal_retained first: a limit below what a slot keeps loses it."),
        ),
        check="SELECT pg_catalog.current_setting('max_slot_wal_keep_size');",
    )


finding = Finding(
    title="Unlimited replication slots",
    severities=(Severity.info,),
    reads=(replication_slots, settings),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    unit="slots",
)
