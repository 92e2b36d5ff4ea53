"""Judgement of a database whose oldest IDs come near to wrapping around."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Severity
from alerts.limits import BaseLimits, Slack
from alerts.runway.frozen_horizon import Obstacles, freeze, obstacles, release
from alerts.runway.id_space import AgeLimits, IdSpace, age_limits
from alerts.runway.id_trends import OLDEST_AGES
from alerts.runway.rate import Eta, Rate, eta
from alerts.runway.trends import Trends
from alerts.runway.wording import eta_text
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, share_text
from collectors.databases import Database, databases


@dataclass(frozen=True, slots=True)
class AgeForecast(BaseLimits):
    """Limits of forecasts; those of ages are the server's own settings."""

    left: Annotated[Duration, Slack(1.5)] = timedelta(days=7)
    """Time left at the present pace below which it is told, if vacuum does not keep up."""
    least_used: Share = 0.6
    """Used share below which a forecast alone is never critical."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace at which IDs are assigned, and whether vacuum keeps up."""

    rate: Rate | None
    keeps_up: bool
    """Whether the oldest age has fallen within the last hours."""


def judge_ages(
    snapshot: Snapshot, space: IdSpace, assigned: Trends, limits: AgeForecast
) -> Iterator[Evidence]:
    """Yield the databases whose IDs run out, the oldest first."""
    ages = age_limits(snapshot, space)
    rows = sorted(snapshot.rows(databases), key=space.age_of, reverse=True)
    if not rows or space.age_of(rows[0]) < ages.freeze:
        return
    pace = pace_of(snapshot, space, assigned)
    for database in rows:
        age = space.age_of(database)
        left = eta(ages.wall - age, pace.rate) if pace.rate else None
        if (severity := severity_of(age, ages, pace, left, limits)) is not None:
            found = obstacles(snapshot, space, database.datname, ages)
            yield evidence(space, database, ages, severity, found, left)


def pace_of(snapshot: Snapshot, space: IdSpace, assigned: Trends) -> Pace:
    """Return what is known of the pace; the age itself is judged without it."""
    known = snapshot.of(assigned) if snapshot.has(assigned.collector) else {}
    oldest = snapshot.of(OLDEST_AGES).get(space.key)
    trend = known.get("")
    return Pace(trend.rate if trend else None, oldest is not None and oldest.has_fallen)


def severity_of(
    age: int, ages: AgeLimits, pace: Pace, left: Eta | None, limits: AgeForecast
) -> Severity | None:
    """Judge the level, which needs no history, and the time that is left."""
    if age >= ages.failsafe:
        return Severity.critical
    if pace.keeps_up:
        return None
    soon = left is not None and left.within(limits.left.total_seconds())
    if soon and age >= ages.losing:
        is_far = age < limits.least_used * ages.wall
        return Severity.warning if is_far else Severity.critical
    return Severity.warning if age >= ages.halfway else None


def evidence(
    space: IdSpace,
    database: Database,
    limits: AgeLimits,
    severity: Severity,
    found: Obstacles,
    soon: Eta | None,
) -> Evidence:
    age = space.age_of(database)
    left = max(0, limits.wall - age)
    holder = found.holder
    return Evidence(
        subject=database.datname,
        severity=severity,
        value=age,
        message=(
            f"The oldest {space.noun} of database {database.datname} is {age:,} old"
            f" ({share_text(age / limits.wall)} of what is possible); {left:,} are left until the"
            f" server refuses what needs a new one{eta_text(soon)}.{found.text}"
        ),
        facts={
            f"age_{space.unit}": age,
            f"left_{space.unit}": left,
            "earliest_end_seconds": soon.early if soon else None,
            "latest_end_seconds": soon.late if soon else None,
            f"autovacuum_freezes_at_{space.unit}": limits.freeze,
            f"failsafe_at_{space.unit}": limits.failsafe,
            "holder": str(holder.kind) if holder else None,
            "holder_name": holder.name if holder else None,
            "holder_age_transactions": holder.age if holder else None,
            "vacuums_running": len(found.vacuums),
        },
        cure=(*release(holder), *freeze(database, found)),
        check=(
            f"SELECT datname, pg_catalog.{space.age_function}({space.horizon})"
            " FROM pg_catalog.pg_database ORDER BY 2 DESC;"
        ),
        database=database.datname,
        is_consequence=holder is not None,
    )
