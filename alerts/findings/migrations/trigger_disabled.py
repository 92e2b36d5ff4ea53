"""A trigger is switched off, so what it does for each row, such as a check, is not done."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.disabled_triggers import DisabledTrigger, disabled_triggers


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a bulk load is over after an hour."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(disabled_triggers):
        yield evidence(row)


def evidence(row: DisabledTrigger) -> Evidence:
    table, name = identifier(row.schemaname, row.relname), identifier(row.tgname)
    what = (
        f"A trigger of the constraint {identifier(row.conname or row.tgname)}"
        if row.is_of_a_constraint
        else f"The trigger {name}"
    )
    costs = (
        "the constraint is not checked, and rows may already break it"
        if row.is_of_a_constraint
        else "what it does for each row is not done"
    )
    return Evidence(
        subject=f"{table}: {row.tgname}",
        severity=Severity.warning,
        value=1,
        message=f"{what} on {table} is disabled: {costs}.",
        facts={"trigger": row.tgname, "constraint": row.conname},
        cure=(
            remark("First look for what was missed since it was switched off."),
            *plain_ddl(f"ALTER TABLE {table} ENABLE TRIGGER {name};"),
        ),
        check=(
            "SELECT tgname, tgenabled FROM pg_catalog.pg_trigger"
            f" WHERE tgrelid OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.relname)};"
        ),
        key=f"{row.relid}.{row.tgname}",
        object=table,
        database=row.datname,
        may_be_young=True,
    )


finding = Finding(
    title="Trigger disabled",
    severities=(Severity.warning,),
    reads=(disabled_triggers,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
    hold=timedelta(hours=1),
)
