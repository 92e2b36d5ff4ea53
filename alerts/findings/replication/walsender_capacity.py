"""No WAL sender or slot is free: a standby that reconnects, or a backup, would be refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.wal.server_settings import needed
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    free: Annotated[int, FIXED] = 1
    """Minimum number that must be free: a standby needs one more while its old one times out."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    senders, slots = len(snapshot.rows(replication)), len(snapshot.rows(replication_slots))
    most = int(needed(snapshot, "max_wal_senders"))
    if senders and most - senders < limits.free:
        yield evidence(
            snapshot,
            "max_wal_senders",
            senders,
            most,
            "A standby that reconnects, and each new base backup, would be refused",
            Severity.warning,
        )
    most = int(needed(snapshot, "max_replication_slots"))
    if slots and most - slots < limits.free:
        yield evidence(
            snapshot,
            "max_replication_slots",
            slots,
            most,
            "No standby or subscription can be added, nor a base backup with a slot be taken",
            Severity.info,
        )


def evidence(
    snapshot: Snapshot, setting: str, used: int, most: int, cost: str, severity: Severity
) -> Evidence:
    senders = setting == "max_wal_senders"
    view = "pg_stat_replication" if senders else "pg_replication_slots"
    return Evidence(
        subject=setting,
        severity=severity,
        value=used / most if most else 1.0,
        message=f"{used} of {most} allowed by {setting} are in use. {cost}.",
        facts={"used": used, "limit": most, "free": max(0, most - used)},
        cure=(
            remark(
                "See whether each receiver is needed; those of lost connections end by themselves"
                if senders
                else "See whether each slot is needed (slot_inactive)"
            ),
            *((remark("after wal_sender_timeout."),) if senders else ()),
            *change(snapshot, setting, str(most + max(5, most // 2))),
            remark("A standby must not have less than its primary; raise it on standbys first."),
        ),
        check=f"SELECT * FROM pg_catalog.{view};",
    )


finding = Finding(
    title="WAL senders or slots used up",
    severities=(Severity.info, Severity.warning),
    reads=(replication, replication_slots, settings),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    hold=timedelta(minutes=5),
)
