"""A standby that should be connected to its primary is not: there is one copy less."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.replication.attendance import Attended, StandbyAttendance
from alerts.replication.nodes import is_standby
from alerts.replication.role_changes import ROLES, since_promotion
from alerts.replication.watched import is_watched, own_cluster_name
from alerts.snapshot import Snapshot
from alerts.units import Duration, Names, duration_text
from collectors._base import Role
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.wal_position import wal_position

ATTENDANCE = StandbyAttendance(timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    expected: Names = ()
    """Names (application_name) of standbys that must be connected. Without this setting, those
    that were connected for long enough before are expected."""
    settled: Annotated[Duration, FIXED] = timedelta(hours=24)
    """Time that a standby was connected in all, from which it is expected back."""
    away: Annotated[Duration, FIXED] = timedelta(minutes=2)
    """Time that a standby may be away, for its restart; also from a server that was promoted."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    attendance = snapshot.of(ATTENDANCE)
    present = {row.name for row in snapshot.rows(replication) if is_standby(row)}
    absent = {name: seen for name, seen in attendance.absent().items() if name not in present}
    at = snapshot.answer(replication).at
    if limits.expected:
        names = set(limits.expected) - present - {attendance.own_name, own_cluster_name(snapshot)}
        yield from of_expected(snapshot, limits, sorted(names), absent)
        return
    for name, seen in absent.items():
        if (
            seen.stayed >= limits.settled.total_seconds()
            and at - seen.last >= limits.away.total_seconds()
            and not is_removed(snapshot, seen)
            and not is_watched(snapshot, name)
        ):
            yield evidence(name, seen, at)


def of_expected(
    snapshot: Snapshot, limits: Limits, names: Sequence[str], absent: dict[str, Attended]
) -> Iterator[Outcome]:
    at, away = snapshot.answer(replication).at, limits.away.total_seconds()
    promoted = since_promotion(snapshot)
    for name in names:
        seen = absent.get(name)
        if seen and at - seen.last < away:
            left = duration_text(at - seen.last)
            yield Unjudged(f"{name} was connected {left} ago", subject=name)
        elif promoted is not None and promoted < away:
            since = duration_text(promoted)
            yield Unjudged(f"this server was promoted only {since} ago", subject=name)
        elif seen is None and not snapshot.has(settings):
            yield Unjudged("it is not known yet whether that is this server", subject=name)
        else:
            yield evidence(name, seen, at)


def is_removed(snapshot: Snapshot, seen: Attended) -> bool:
    """Whether its slot was dropped: that is how a standby is removed on purpose."""
    if seen.slot is None or not snapshot.has(replication_slots):
        return False
    slots = {row.slot_name for row in snapshot.rows(replication_slots)}
    return seen.slot not in slots and snapshot.answer(replication_slots).at > seen.last


def evidence(name: str, seen: Attended | None, at: float) -> Evidence:
    since = f"for {duration_text(at - seen.last)}" if seen else "since pgvigil watches this primary"
    slot = seen.slot if seen else None
    return Evidence(
        subject=name,
        severity=Severity.critical,
        value=at - seen.last if seen else 0.0,
        message=f"The standby {name} has not been connected to its primary {since}.",
        facts={
            "gone_seconds": at - seen.last if seen else None,
            "stayed_seconds": seen.stayed if seen else None,
            "slot": slot,
        },
        cure=steps(name, slot),
        check=(
            "SELECT application_name, client_addr, state, sync_state"
            " FROM pg_catalog.pg_stat_replication;"
        ),
    )


def steps(name: str, slot: str | None) -> tuple[str, ...]:
    kept = f" Its slot {slot} retains WAL here until the disk is full." if slot else ""
    return (
        remark(f"1. Check on {name}: does it run, and what does its log say about its upstream?"),
        remark("2. If the log says 'requested WAL segment has already been removed': restore the"),
        remark("   WAL from an archive (restore_command), or rebuild it with pg_basebackup."),
        remark(f"3. If it was removed on purpose, drop its slot, if it had one.{kept}"),
        remark(
            "SELECT slot_name, active, wal_status FROM pg_catalog.pg_replication_slots"
            " WHERE NOT active;"
        ),
        remark("   Without a slot, mute it in the settings of pgvigil, or set"),
        remark("   findings.replica_missing.expected to the standbys that must be there."),
    )


finding = Finding(
    title="Replica missing",
    severities=(Severity.critical,),
    reads=(replication, wal_position),
    consults=(replication_slots, settings),
    history=(ATTENDANCE, ROLES),
    limits=Limits(),
    judge=judge,
    on=Role.primary,
    unit="seconds",
    alerted_by=AlertedBy.subject,
)
