"""An extension whose files are newer than what the database uses of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import equals, identifier, literal, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.extensions import Extension, extensions


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the versions are equal or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(extensions):
        if row.can_be_updated:
            yield evidence(row)


def evidence(row: Extension) -> Evidence:
    name = identifier(row.extname)
    return Evidence(
        subject=row.extname,
        severity=Severity.info,
        value=1,
        message=(
            f"The extension {row.extname} is used in version {row.version}, and"
            f" {row.default_version} is installed on the machine."
        ),
        facts={"version": row.version, "installed_version": row.default_version},
        cure=(
            remark("Read its release notes; as its owner or a superuser:"),
            f"ALTER EXTENSION {name} UPDATE;",
        ),
        check=(
            "SELECT extname, extversion FROM pg_catalog.pg_extension"
            f" WHERE {equals('extname', literal(row.extname))};"
        ),
        database=row.datname,
    )


finding = Finding(
    title="Extension not updated",
    severities=(Severity.info,),
    reads=(extensions,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
