"""A database grows so fast, day after day, that it will soon have doubled."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, literal, remark
from alerts.history.samples import DAY
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.runway.rate import Rate
from alerts.runway.size_trends import DATABASE_SIZES, TABLE_SIZES, table_key
from alerts.runway.trends import Trend
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, bytes_text, duration_text
from collectors._base import Role
from collectors.database_sizes import DatabaseSize, database_sizes
from collectors.user_tables import user_tables

MONTH = 30 * DAY
NAMED = 3
"""Tables that are named, those that grow most."""
NO_FILE = "growth over days is not remembered without a state file"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    doubles: Annotated[Duration, Slack(1.25)] = timedelta(days=120)
    """Time within which it doubles at the slowest pace of the last weeks."""
    month_bytes: Bytes = 10 * 1024**3
    """Growth in 30 days from which it is of interest; a small database doubles soon."""
    observed: Annotated[Duration, FIXED] = timedelta(days=7)
    """Time that must have been observed: a week has quiet days."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trends = snapshot.of(DATABASE_SIZES)
    for row in snapshot.rows(database_sizes):
        trend = trends.get(row.datname)
        if row.size_bytes is None or trend is None:
            continue
        if trend.rate is None or trend.rate.span < limits.observed.total_seconds():
            yield learning(row, trend, limits)
        elif is_fast(row.size_bytes, trend.rate, limits):
            yield evidence(snapshot, row, row.size_bytes, trend.rate)


def learning(row: DatabaseSize, trend: Trend, limits: Limits) -> Unjudged:
    reason = "its growth is not known yet" if trend.has_file else NO_FILE
    until = trend.first + limits.observed.total_seconds() + DAY
    return Unjudged(reason, row.datname, row.datname, until=until)


def is_fast(size: int, rate: Rate, limits: Limits) -> bool:
    """Whether even its slowest pace is fast."""
    enough = rate.low * MONTH >= limits.month_bytes
    return enough and rate.low * limits.doubles.total_seconds() >= size


def evidence(snapshot: Snapshot, row: DatabaseSize, size: int, rate: Rate) -> Evidence:
    name = identifier(row.datname)
    growing = growers(snapshot, row.datname)
    most = "; most of it " + " and ".join(growing) if growing else ""
    return Evidence(
        subject=row.datname,
        severity=Severity.info,
        value=rate.mid * DAY,
        message=(
            f"Database {name} of {bytes_text(size)} grows by {bytes_text(rate.low * DAY)} to"
            f" {bytes_text(rate.high * DAY)} a day: it doubles in {duration_text(size / rate.mid)},"
            f" and has about {bytes_text(size + rate.mid * MONTH)} in 30 days{most}."
        ),
        facts={
            "size_bytes": size,
            "least_day_bytes": rate.low * DAY,
            "present_day_bytes": rate.mid * DAY,
            "highest_day_bytes": rate.high * DAY,
            "in_30_days_bytes": size + rate.mid * MONTH,
            "observed_seconds": rate.span,
        },
        cure=(
            remark(
                "Compare it with the free space of the volume. Then decide what may go: old rows"
            ),
            remark("by a retention that drops partitions, logs and events that no one reads."),
        ),
        check=(
            "SELECT pg_catalog.pg_size_pretty("
            f"pg_catalog.pg_database_size({literal(row.datname)}::pg_catalog.name));"
        ),
        database=row.datname,
    )


def growers(snapshot: Snapshot, datname: str) -> list[str]:
    """Return the tables of a database that grow most, where that is known."""
    if not snapshot.has(user_tables):
        return []
    trends = snapshot.of(TABLE_SIZES)
    paces = []
    for table in snapshot.rows(user_tables):
        if table.datname == datname:
            trend = trends.get(table_key(datname, table.relid))
            if trend and trend.rate and trend.rate.mid > 0:
                paces.append((trend.rate.mid, identifier(table.schemaname, table.relname)))
    return [f"{name} ({bytes_text(p * DAY)} a day)" for p, name in sorted(paces)[: -NAMED - 1 : -1]]


finding = Finding(
    title="Fast growth of a database",
    severities=(Severity.info,),
    reads=(database_sizes,),
    consults=(user_tables,),
    history=(DATABASE_SIZES, TABLE_SIZES),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
