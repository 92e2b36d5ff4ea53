"""A foreign key column of another type than the key: too small, or converted at each check."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.foreign_key_types import ForeignKeyType, foreign_key_types

INTEGERS = ("smallint", "integer", "bigint")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the types are equal or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(foreign_key_types):
        yield evidence(row)


def is_too_small(row: ForeignKeyType) -> bool:
    """Whether the key may grow to values that the column can't hold."""
    if row.type not in INTEGERS or row.parent_type not in INTEGERS:
        return False
    return INTEGERS.index(row.type) < INTEGERS.index(row.parent_type)


def meaning(row: ForeignKeyType) -> str:
    if is_too_small(row):
        return "inserts fail once the key outgrows it"
    if row.type in INTEGERS and row.parent_type in INTEGERS:
        return "it takes more room than any value of the key needs"
    return "each check and join converts the values, and may miss an index"


def evidence(row: ForeignKeyType) -> Evidence:
    table, parent = (
        identifier(row.schemaname, row.relname),
        identifier(row.parent_schemaname, row.parent_relname),
    )
    column, key = identifier(row.attname), identifier(row.parent_attname)
    small = is_too_small(row)
    why = meaning(row)
    return Evidence(
        subject=f"{table}.{column}",
        severity=Severity.warning if small else Severity.info,
        value=1,
        message=(
            f"{table}.{column} is {row.type}, but refers to {parent}.{key}, which is"
            f" {row.parent_type}: {why}."
        ),
        facts={"type": row.type, "key_type": row.parent_type, "constraint": row.conname},
        cure=(
            remark(f"Without blocking: 1. add a column of type {row.parent_type} and a trigger"),
            remark("that fills it; 2. fill the old rows in batches, each with a commit; 3. build"),
            remark("its index CONCURRENTLY and its foreign key NOT VALID, then validate it;"),
            remark("4. in one transaction rename both columns and drop the trigger; 5. drop the"),
            remark("old column later. A small table may simply be changed in place."),
        ),
        check=(
            "SELECT attname, pg_catalog.format_type(atttypid, atttypmod)"
            " FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=)"
            f" {regclass(row.schemaname, row.relname)};"
        ),
        key=f"{row.constraint_oid}.{row.attname}",
        object=table,
        database=row.datname,
    )


finding = Finding(
    title="Foreign key of another type",
    severities=(Severity.info, Severity.warning),
    reads=(foreign_key_types,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
