"""A column and its replacement of another type both stand: a migration was not finished."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.shadow_columns import ShadowColumn, shadow_columns

COPIES = ("_tmp", "_temp", "_bak", "_backup", "_shadow")
"""Endings that mean a copy also where the types are equal; `price_old` may be a price."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: after two weeks the last step is overdue."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(shadow_columns):
        if is_left(row):
            yield evidence(row)


def is_left(row: ShadowColumn) -> bool:
    return row.type != row.shadow_type or row.shadow.endswith(COPIES)


def evidence(row: ShadowColumn) -> Evidence:
    table = identifier(row.schemaname, row.relname)
    one, other = identifier(row.attname), identifier(row.shadow)
    writes = "; a trigger changes each row that is written" if row.has_row_trigger else ""
    return Evidence(
        subject=f"{table}.{other}",
        severity=Severity.info,
        value=1,
        message=(
            f"{table} has {one} ({row.type}) and {other} ({row.shadow_type}): one was to replace"
            f" the other, and the last step, dropping what is no longer read, is missing{writes}."
        ),
        facts={
            "column": row.attname,
            "type": row.type,
            "shadow_type": row.shadow_type,
            "row_trigger": row.has_row_trigger,
            "rows": row.rows,
        },
        cure=(
            remark(
                "1. See which of the two the application reads and writes; 2. if the copy is not"
            ),
            remark("complete, fill it in batches, each with a commit; 3. swap the names, or read"),
            remark("the new one; 4. drop the trigger that fills it; 5. drop the other column in a"),
            remark("later release, when no statement names it."),
        ),
        check=(
            "SELECT attname, pg_catalog.format_type(atttypid, atttypmod)"
            " FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=)"
            f" {regclass(row.schemaname, row.relname)};"
        ),
        object=table,
        database=row.datname,
        may_be_young=True,
    )


finding = Finding(
    title="Column of an unfinished migration",
    severities=(Severity.info,),
    reads=(shadow_columns,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
    hold=timedelta(days=14),
)
