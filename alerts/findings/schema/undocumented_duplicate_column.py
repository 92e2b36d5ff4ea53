"""A column that is copied from the table it is joined with, and no comment says why."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, literal, plain_ddl, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.copied_columns import CopiedColumn, copied_columns

EVERYWHERE = """
    active amount balance body code color comment comments config content count created
    created_at created_by created_on data deleted deleted_at deleted_by description details
    enabled end_date ends_at expires_at extra flags id key kind label language locale meta
    metadata modified_at name note notes number options order ordering params payload position
    priority properties quantity rank reason remark remarks role settings slug sort sort_order
    source start_date starts_at state status summary tags text timestamp title token total type
    updated updated_at updated_by url uuid value version weight
"""
"""Names of what nearly every table has of its own."""
OWN_TYPES = ("boolean", "timestamp", "date", "time", "json", "uuid", "bytea")
"""Types whose columns of equal names rarely hold the same fact."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    max_tables: int = 3
    """A name that more tables of the database have is a habit, and no copy."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(copied_columns):
        if is_copy(row, limits):
            yield evidence(row)


def is_copy(row: CopiedColumn, limits: Limits) -> bool:
    is_own = row.attname.lower() in EVERYWHERE.split() or row.type.startswith(OWN_TYPES)
    return row.tables <= limits.max_tables and not is_own


def evidence(row: CopiedColumn) -> Evidence:
    table, column = identifier(row.schemaname, row.relname), identifier(row.attname)
    parent = identifier(row.parent_schemaname, row.parent_relname)
    why = literal(f"Copied from {row.parent_relname} on purpose: …")
    return Evidence(
        subject=f"{table}.{column}",
        severity=Severity.info,
        value=1,
        message=(
            f"{table}.{column} has the name and type of {parent}.{column}, which a foreign key"
            " joins: if it is a copy, both can differ, and no comment says which one counts."
        ),
        facts={"copied_from": f"{parent}.{column}", "type": row.type, "rows": row.rows},
        cure=(
            remark("If it is a copy on purpose, such as a price that was charged, say why:"),
            *plain_ddl(f"COMMENT ON COLUMN {table}.{column} IS {why};"),
            remark(f"Else read it from {parent}, and drop it in a later release."),
        ),
        check="",
        object=table,
        database=row.datname,
        accepted=row.comment,
    )


finding = Finding(
    title="Copied column without a reason",
    severities=(Severity.info,),
    reads=(copied_columns,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
