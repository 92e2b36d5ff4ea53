"""A server has become the primary, or a standby: what a failover leaves behind."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Shape
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.replication.role_changes import ROLES, RoleChange
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.replication_slots import replication_slots
from collectors.wal_position import wal_position

LINGER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    shown: Annotated[Duration, FIXED] = LINGER
    """How long a change of role is shown."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    change = snapshot.of(ROLES).change
    if change is None or snapshot.at - change.at > limits.shown.total_seconds():
        return
    yield promoted(snapshot, change) if change.promoted else demoted(snapshot, change)


def promoted(snapshot: Snapshot, change: RoleChange) -> Evidence:
    lost = lost_slots(snapshot)
    logical = sorted(name for name, kind in lost.items() if kind == "logical")
    server, ago = snapshot.node.server, duration_text(snapshot.at - change.at)
    gone = f"; {plural(len(lost), 'slot')} of the old primary {_is(lost)} not here" if lost else ""
    return Evidence(
        subject=server,
        severity=Severity.warning if logical else Severity.info,
        value=1,
        message=f"{server} was promoted {ago} ago and is the primary now{gone}.",
        facts={
            "role": "primary",
            "timeline": change.timeline,
            "since_seconds": snapshot.at - change.at,
            "lost_slots": ", ".join(sorted(lost)) or None,
            "lost_logical_slots": ", ".join(logical) or None,
        },
        cure=aftercare(lost, logical),
        check=(
            "SELECT pg_catalog.pg_is_in_recovery(),"
            " pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn());"
        ),
        key=f"promoted@{change.at:.0f}",
    )


def demoted(snapshot: Snapshot, change: RoleChange) -> Evidence:
    server, ago = snapshot.node.server, duration_text(snapshot.at - change.at)
    return Evidence(
        subject=server,
        severity=Severity.info,
        value=1,
        message=f"{server} was the primary until {ago} ago and is a standby now.",
        facts={"role": "standby", "since_seconds": snapshot.at - change.at},
        cure=(
            remark("If it was not planned: look who promoted another server, and why."),
            remark("Its physical slots still retain WAL here; drop those that are not used."),
        ),
        check="SELECT pg_catalog.pg_is_in_recovery();",
        key=f"demoted@{change.at:.0f}",
    )


def lost_slots(snapshot: Snapshot) -> dict[str, str]:
    """Return the slots that the primary had before and that this server does not have."""
    if not snapshot.has(replication_slots):
        return {}
    here = {row.slot_name for row in snapshot.rows(replication_slots)}
    before = snapshot.of(ROLES).slots_before()
    return {name: kind for name, kind in before.items() if name not in here}


def _is(lost: dict[str, str]) -> str:
    return "is" if len(lost) == 1 else "are"


def aftercare(lost: dict[str, str], logical: list[str]) -> tuple[str, ...]:
    physical = sorted(lost.keys() - set(logical))
    return (
        remark("1. Make sure that the old primary is stopped, and can't come back as a primary."),
        *(
            (
                remark(f"2. Logical slots that were lost: {', '.join(logical)}. What their"),
                remark(
                    "   subscribers had not confirmed is missing there: rebuild or compare them."
                ),
            )
            if logical
            else ()
        ),
        *(
            (remark(f"3. Create the physical slots again that are used: {', '.join(physical)}."),)
            if physical
            else ()
        ),
        remark("4. Unlogged tables are empty after a promotion: fill them again."),
        remark("5. The counters that autovacuum goes by begin at zero here: run vacuumdb --all"),
        remark("   --analyze-only, so that it knows dead rows again."),
        remark("6. The cache is cold: queries are slow until it is filled (pg_prewarm helps)."),
    )


finding = Finding(
    title="Role changed",
    severities=(Severity.info, Severity.warning),
    reads=(wal_position,),
    consults=(replication_slots,),
    history=(ROLES,),
    limits=Limits(),
    judge=judge,
    shape=Shape.event,
    linger=LINGER,
    unit="changes",
    alerted_by=AlertedBy.server,
)
