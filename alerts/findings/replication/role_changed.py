"""A server has become the primary, or a standby: what a failover leaves behind."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Shape
from alerts.cure import remark
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.replication.role_changes import ROLES, RoleChange
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text, share_text
from collectors.databases import databases
from collectors.replication_slots import replication_slots
from collectors.wal_position import wal_position

LINGER = timedelta(hours=1)
LATELY = timedelta(minutes=5)
PAGES = Window(databases, LATELY, ("blks_read", "blks_hit"))


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
    lost, misses = lost_slots(snapshot), missed_pages(snapshot)
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
            "cache_misses_share": misses,
        },
        cure=aftercare(lost, logical, misses),
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


def missed_pages(snapshot: Snapshot) -> float | None:
    """Return the share of the pages that queries needed lately and that were not in the cache."""
    if not snapshot.has(databases):
        return None
    deltas = [delta.increase for delta in snapshot.of(PAGES).delta(LATELY).values()]
    read = sum(increase["blks_read"] for increase in deltas)
    needed = read + sum(increase["blks_hit"] for increase in deltas)
    return read / needed if needed else None


def aftercare(lost: dict[str, str], logical: list[str], misses: float | None) -> tuple[str, ...]:
    steps = (
        ("Make sure that the old primary is stopped, and can't come back as a primary.",),
        *slot_steps(logical, sorted(lost.keys() - set(logical))),
        (
            "Unlogged tables are empty after a promotion: fill them again. statistics_lost",
            "names those that had rows.",
        ),
        (
            "The counters that autovacuum goes by begin at zero here: run vacuumdb --all",
            "--analyze-only, so that it knows dead rows again. statistics_lost has the",
            "statements for large tables.",
        ),
        ("The cache is cold: queries are slow until it is filled (pg_prewarm helps).",),
    )
    numbered = (
        remark(line)
        for n, (first, *rest) in enumerate(steps, 1)
        for line in (f"{n}. {first}", *rest)
    )
    return (*numbered, *missed(misses))


def slot_steps(logical: list[str], physical: list[str]) -> Iterator[tuple[str, ...]]:
    if logical:
        yield (
            f"Logical slots that were lost: {', '.join(logical)}. What their",
            "subscribers had not confirmed is missing there: rebuild or compare them.",
        )
    if physical:
        yield (f"Create the physical slots again that are used: {', '.join(physical)}.",)


def missed(share: float | None) -> Iterator[str]:
    if share is not None:
        yield remark(f"   {share_text(share)} of the pages that queries needed in the last minutes")
        yield remark("   were not in shared_buffers.")


finding = Finding(
    title="Role changed",
    severities=(Severity.info, Severity.warning),
    reads=(wal_position,),
    consults=(replication_slots, databases),
    history=(ROLES, PAGES),
    limits=Limits(),
    judge=judge,
    shape=Shape.event,
    linger=LINGER,
    unit="changes",
    alerted_by=AlertedBy.server,
)
