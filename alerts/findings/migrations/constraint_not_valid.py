"""A constraint was added NOT VALID and never validated: old rows may break it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.unvalidated_constraints import UnvalidatedConstraint, unvalidated_constraints

KINDS = {"f": "foreign key", "c": "check", "n": "not-null constraint"}


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: after a day the second step is overdue."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(unvalidated_constraints):
        if row.is_enforced:
            yield evidence(row)


def evidence(row: UnvalidatedConstraint) -> Evidence:
    table, name = identifier(row.schemaname, row.relname), identifier(row.conname)
    kind = KINDS.get(row.contype, "constraint")
    return Evidence(
        subject=f"{table}: {name}",
        severity=Severity.warning,
        value=max(0.0, row.rows),
        message=(
            f"The {kind} {name} of {table} is NOT VALID: new rows are checked, the rows that were"
            " there never were, and the planner does not rely on it."
        ),
        facts={"kind": kind, "rows": row.rows if row.rows >= 0 else None},
        cure=(
            remark("It reads the table once, and blocks neither reads nor writes:"),
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};",
            remark("If it fails, the message has a row that breaks it: repair those first."),
        ),
        check=(
            "SELECT conname, convalidated FROM pg_catalog.pg_constraint"
            f" WHERE conrelid OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.relname)};"
        ),
        key=str(row.constraint_oid),
        object=table,
        database=row.datname,
        may_be_young=True,
    )


finding = Finding(
    title="Constraint not validated",
    severities=(Severity.warning,),
    reads=(unvalidated_constraints,),
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
    hold=timedelta(hours=24),
)
