"""The same foreign key twice, so each write is checked twice."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.duplicate_foreign_keys import DuplicateForeignKey, duplicate_foreign_keys


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a key is there twice or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(duplicate_foreign_keys):
        yield evidence(row)


def evidence(row: DuplicateForeignKey) -> Evidence:
    table = identifier(row.schemaname, row.relname)
    parent = identifier(row.parent_schemaname, row.parent_relname)
    kept, *others = row.connames
    named = ", ".join(map(identifier, others))
    differ = " They differ in what a delete or an update does: the strictest one decides."
    return Evidence(
        subject=f"{table} ({', '.join(row.connames)})",
        severity=Severity.info,
        value=len(row.connames),
        message=(
            f"{plural(len(row.connames), 'foreign key')} of {table} check the same columns against"
            f" {parent}, so each write is checked that number of times."
            + ("" if row.are_equal else differ)
        ),
        facts={"kept": kept, "others": named, "are_equal": row.are_equal},
        cure=_cure(row, table, kept, others),
        check=(
            "SELECT conname, confdeltype, confupdtype, convalidated FROM pg_catalog.pg_constraint"
            " WHERE contype OPERATOR(pg_catalog.=) 'f' AND conrelid OPERATOR(pg_catalog.=)"
            f" {regclass(row.schemaname, row.relname)};"
        ),
        object=table,
        database=row.datname,
    )


def _cure(row: DuplicateForeignKey, table: str, kept: str, others: list[str]) -> tuple[str, ...]:
    drops = [f"ALTER TABLE {table} DROP CONSTRAINT {identifier(name)};" for name in others]
    if not row.are_equal:
        return (remark("Decide which one is meant, and drop the others."),)
    first, *rest = drops
    return (remark(f"{kept} stays; the others do the same:"), *plain_ddl(first), *rest)


finding = Finding(
    title="Foreign key twice",
    severities=(Severity.info,),
    reads=(duplicate_foreign_keys,),
    limits=Limits(),
    judge=judge,
    unit="constraints",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
