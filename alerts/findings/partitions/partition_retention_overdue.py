"""Partitions are older than the retention that pg_partman was told to keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, literal, remark
from alerts.findings.partitions._partman import unreadable
from alerts.limits import FIXED, BaseLimits
from alerts.partitions.tree import Partitioned, Ranged, name_of, partitioned_tables
from alerts.partitions.wording import partitions_of
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.partitions import partitions
from collectors.partman_tables import PartmanTable, partman_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    late: Annotated[Duration, FIXED] = timedelta(days=2)
    """Time beyond the retention; maintenance runs once a day or more often."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    unread = (row for row in snapshot.rows(partman_tables) if not row.may_read)
    yield from map(unreadable, unread)
    kept = {(row.datname, row.parent_table): row for row in snapshot.rows(partman_tables)}
    for table in partitioned_tables(snapshot):
        own = table.table
        row = kept.get((own.datname, f"{own.schemaname}.{own.relname}"))
        if row is None or row.retention_seconds is None or not table.has_known_ranges:
            continue
        oldest = snapshot.at - row.retention_seconds - limits.late.total_seconds()
        overdue = [one for one in table.ranges() if ended_before(one, oldest)]
        if overdue:
            yield evidence(snapshot, table, row, overdue)


def ended_before(one: Ranged, at: float) -> bool:
    upper = one.range.upper
    return isinstance(upper, datetime) and upper.timestamp() < at


def evidence(
    snapshot: Snapshot, table: Partitioned, row: PartmanTable, overdue: list[Ranged]
) -> Evidence:
    upper = overdue[0].range.upper
    assert isinstance(upper, datetime)
    age = snapshot.at - upper.timestamp()
    schema = identifier(row.extension_schema)
    return Evidence(
        subject=table.name,
        severity=Severity.info,
        value=age,
        message=(
            f"{plural(len(overdue), 'partition')} of {table.name} should be gone: pg_partman keeps"
            f" {row.retention}, and {name_of(overdue[0].partition)} ended"
            f" {duration_text(age)} ago."
        ),
        facts={
            "partitions": len(overdue),
            "oldest_age_seconds": age,
            "retention_seconds": row.retention_seconds,
        },
        cure=(
            remark(
                "It drops or detaches what is beyond the retention, as retention_keep_table says,"
                " and waits for queries of the table; look at that setting first:"
            ),
            "SET lock_timeout = '2s';",
            f"SELECT {schema}.run_maintenance({literal(row.parent_table or '')});",
        ),
        check=partitions_of(table.table),
        object=table.name,
        database=table.table.datname,
    )


finding = Finding(
    title="Partitions beyond their retention",
    severities=(Severity.info,),
    reads=(partitions, partman_tables),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
)
