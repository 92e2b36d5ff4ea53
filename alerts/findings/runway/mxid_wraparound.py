"""The oldest multixact ID of a database is so old that row locks will soon be refused."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.runway.frozen_horizon import aggressively, obstacles, release
from alerts.runway.id_space import MXIDS, age_limits
from alerts.runway.id_trends import ASSIGNED_MXIDS, OLDEST_AGES
from alerts.runway.member_offsets import OFFSETS, SPACE
from alerts.runway.wraparound import AgeForecast, judge_ages
from alerts.snapshot import NOT_YET, Snapshot
from alerts.units import Share, share_text
from collectors._base import Role
from collectors.databases import databases
from collectors.multixacts import multixacts
from collectors.oldest_relations import oldest_relations
from collectors.progress_vacuum import progress_vacuum
from collectors.settings import settings
from collectors.xmin_horizon import xmin_horizon

MEMBERS = "members of multixacts"
LEARNING = 7 * 86_400.0
"""Seconds until the oldest multixact is probably a known one; autovacuum moves on in its time."""


@dataclass(frozen=True, slots=True)
class Limits(AgeForecast):
    """Limits of forecasts; those of ages are autovacuum_multixact_freeze_max_age and
    vacuum_multixact_failsafe_age."""

    members: Share = 0.7
    """Used share of the space for members; from a half on autovacuum freezes earlier by itself."""
    members_critical: Share = 0.85
    """Used share from which it is critical: the server refuses row locks when it is full."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    yield from judge_ages(snapshot, MXIDS, ASSIGNED_MXIDS, limits)
    yield from judge_members(snapshot, limits)


def judge_members(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if not snapshot.has(multixacts):
        absence = snapshot.absent.get(multixacts, NOT_YET)
        yield Unjudged(f"multixacts: {absence.reason}", subject=MEMBERS, grant=absence.grant)
        return
    now = snapshot.row(multixacts)
    used = snapshot.of(OFFSETS).used(now)
    if used is None:
        why = "it is not known yet where the members of the oldest multixact begin"
        yield Unjudged(why, subject=MEMBERS, until=snapshot.at + LEARNING)
    elif used >= limits.members * SPACE:
        yield members_evidence(snapshot, used, limits)


def members_evidence(snapshot: Snapshot, used: int, limits: Limits) -> Evidence:
    share = used / SPACE
    rows = sorted(snapshot.rows(databases), key=MXIDS.age_of, reverse=True)
    oldest = rows[0].datname if rows else ""
    found = obstacles(snapshot, MXIDS, oldest, age_limits(snapshot, MXIDS))
    critical = share >= limits.members_critical
    return Evidence(
        subject=MEMBERS,
        severity=Severity.critical if critical else Severity.warning,
        value=used,
        message=(
            f"{share_text(share)} of the space for members of multixacts is in use; when it is"
            f" full, the server refuses row locks. The oldest multixact is in {oldest}.{found.text}"
        ),
        facts={"used_members": used, "possible_members": SPACE, "oldest_database": oldest},
        cure=(
            *release(found.holder),
            remark(f"In the database {oldest}, as a superuser; it goes through every table:"),
            *aggressively("VACUUM;"),
        ),
        check=(
            "SELECT next_multixact_id, next_multi_offset, oldest_multi_xid"
            " FROM pg_catalog.pg_control_checkpoint();"
        ),
        database=oldest,
    )


finding = Finding(
    title="Multixact ID wraparound",
    severities=(Severity.warning, Severity.critical),
    reads=(databases, settings),
    consults=(multixacts, oldest_relations, progress_vacuum, xmin_horizon),
    history=(ASSIGNED_MXIDS, OLDEST_AGES, OFFSETS),
    limits=Limits(),
    judge=judge,
    unit="multixacts",
    on=Role.primary,
)
