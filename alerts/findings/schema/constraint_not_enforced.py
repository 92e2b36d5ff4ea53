"""A constraint that checks nothing: it documents a rule which the data may break."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.unvalidated_constraints import UnvalidatedConstraint, unvalidated_constraints


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it checks or it does not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(unvalidated_constraints):
        if not row.is_enforced:
            yield evidence(row)


def evidence(row: UnvalidatedConstraint) -> Evidence:
    table, name = identifier(row.schemaname, row.relname), identifier(row.conname)
    return Evidence(
        subject=f"{table}: {name}",
        severity=Severity.info,
        value=1,
        message=f"The constraint {name} of {table} is NOT ENFORCED: no row is checked by it.",
        facts={"kind": row.contype, "rows": row.rows},
        cure=_cure(row, table, name),
        check=(
            "SELECT conname, conenforced FROM pg_catalog.pg_constraint"
            f" WHERE conrelid OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.relname)};"
        ),
        key=str(row.constraint_oid),
        object=table,
        database=row.datname,
    )


def _cure(row: UnvalidatedConstraint, table: str, name: str) -> tuple[str, ...]:
    if row.contype == "f":
        return (
            remark("It checks all rows at once, and blocks writes to both tables while it does:"),
            *plain_ddl(f"ALTER TABLE {table} ALTER CONSTRAINT {name} ENFORCED;"),
        )
    return (
        remark("18 can't enforce a CHECK afterwards: add the same one under another name, NOT"),
        remark("VALID; validate that in a second step; then drop the one that checks nothing."),
    )


finding = Finding(
    title="Constraint not enforced",
    severities=(Severity.info,),
    reads=(unvalidated_constraints,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
