"""A valid CHECK (x IS NOT NULL) without the last step, SET NOT NULL."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.nullable_columns import NullableColumn, nullable_columns


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: after a day the last step is overdue."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(nullable_columns):
        yield evidence(row)


def evidence(row: NullableColumn) -> Evidence:
    table, column = identifier(row.schemaname, row.relname), identifier(row.attname)
    name = identifier(row.conname)
    return Evidence(
        subject=f"{table}.{column}",
        severity=Severity.info,
        value=1,
        message=(
            f"The valid check {name} keeps {table}.{column} from being null; the last step, NOT"
            " NULL on the column, is missing, so the planner and tools still take it for nullable."
        ),
        facts={"constraint": row.conname},
        cure=(
            remark("The check proves it, so the table is not read; it takes a short lock:"),
            *plain_ddl(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;"),
            remark(f"Only when that is done: ALTER TABLE {table} DROP CONSTRAINT {name};"),
        ),
        check=(
            "SELECT attname, attnotnull FROM pg_catalog.pg_attribute"
            f" WHERE attrelid OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.relname)};"
        ),
        key=str(row.constraint_oid),
        object=table,
        database=row.datname,
        may_be_young=True,
    )


finding = Finding(
    title="NOT NULL not finished",
    severities=(Severity.info,),
    reads=(nullable_columns,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
    hold=timedelta(hours=24),
)
