"""Every role may create objects in a schema, so any of them can lay traps for the others."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.public_schemas import PublicSchema, public_schemas


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: every role may, or not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(public_schemas):
        yield evidence(row)


def evidence(row: PublicSchema) -> Evidence:
    name = identifier(row.schemaname)
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=1,
        message=(
            f"Every role that can log in to {row.datname} may create tables, functions and"
            f" operators in the schema {name}: one with a common name is then run by others, with"
            " their rights."
        ),
        facts={"owner": row.owner},
        cure=(
            remark("First give that right to the roles that need it; what exists stays."),
            *plain_ddl(f"REVOKE CREATE ON SCHEMA {name} FROM PUBLIC;"),
        ),
        check="SELECT nspname, nspacl FROM pg_catalog.pg_namespace WHERE nspacl IS NOT NULL;",
        key=row.schemaname,
        object=row.schemaname,
        database=row.datname,
    )


finding = Finding(
    title="Schema open for every role",
    severities=(Severity.warning,),
    reads=(public_schemas,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
