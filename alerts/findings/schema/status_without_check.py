"""A status as text that accepts anything: a typing error becomes a state of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors._columns import where
from collectors.column_statistics import column_statistics
from collectors.status_columns import StatusColumn, status_columns


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_rows: int = 1000
    """Minimum number of rows; the number of values in a smaller table says little."""
    max_values: int = 20
    """A column with more values at the last ANALYZE is no list of states."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = [row for row in snapshot.rows(status_columns) if is_candidate(row, limits)]
    known = {
        (found.datname, found.relid, attnum): distinct
        for found in where(snapshot.rows(column_statistics), "relid", {row.relid for row in rows})
        for attnum, distinct in zip(found.staattnum, found.stadistinct, strict=True)
    }
    for row in rows:
        values = known.get((row.datname, row.relid, row.attnum), 0.0)
        if 2 <= values <= limits.max_values:
            yield evidence(row, round(values))


def is_candidate(row: StatusColumn, limits: Limits) -> bool:
    is_region = row.is_address and row.attname.lower().endswith("state")
    return row.rows >= limits.min_rows and not is_region


def evidence(row: StatusColumn, values: int) -> Evidence:
    table, column = identifier(row.schemaname, row.relname), identifier(row.attname)
    return Evidence(
        subject=f"{table}.{column}",
        severity=Severity.info,
        value=values,
        message=(
            f"{table}.{column} is {row.type} with {values} values and no CHECK: a misspelt state"
            " is accepted, and no query that looks for a state will find that row."
        ),
        facts={"values": values, "type": row.type, "rows": row.rows},
        cure=(
            remark("1. See which values there are (the check below), and correct the wrong ones;"),
            remark("2. add a CHECK of the right ones as NOT VALID, with a lock_timeout: it is in"),
            remark("force for new rows at once; 3. validate it, which blocks no writes."),
        ),
        check=f"SELECT {column}, pg_catalog.count(*) FROM {table} GROUP BY 1 ORDER BY 2;",
        object=table,
        database=row.datname,
    )


finding = Finding(
    title="Status without a check",
    severities=(Severity.info,),
    reads=(status_columns, column_statistics),
    details=(column_statistics,),
    limits=Limits(),
    judge=judge,
    unit="values",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
