"""Judgement of a database whose oldest IDs come near to wrapping around."""

from collections.abc import Iterator

from alerts._base import Evidence, Severity
from alerts.runway.frozen_horizon import Obstacles, freeze, obstacles, release
from alerts.runway.id_space import AgeLimits, IdSpace, age_limits
from alerts.snapshot import Snapshot
from alerts.units import share_text
from collectors.databases import Database, databases


def judge_ages(snapshot: Snapshot, space: IdSpace) -> Iterator[Evidence]:
    """Yield the databases that are beyond halfway to the emergency, the oldest first."""
    limits = age_limits(snapshot, space)
    rows = sorted(snapshot.rows(databases), key=space.age_of, reverse=True)
    for database in rows:
        if (severity := severity_of(space.age_of(database), limits)) is not None:
            found = obstacles(snapshot, space, database.datname, limits)
            yield evidence(space, database, limits, severity, found)


def severity_of(age: int, limits: AgeLimits) -> Severity | None:
    """Judge an age by its level alone, which needs no history."""
    if age >= limits.failsafe:
        return Severity.critical
    return Severity.warning if age >= limits.halfway else None


def evidence(
    space: IdSpace,
    database: Database,
    limits: AgeLimits,
    severity: Severity,
    found: Obstacles,
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
            f" server refuses what needs a new one.{found.text}"
        ),
        facts={
            f"age_{space.unit}": age,
            f"left_{space.unit}": left,
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
    )
