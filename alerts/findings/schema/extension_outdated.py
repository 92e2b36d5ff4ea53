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
            f" {row.default_version} is installed on the machine{nowhere(row)}."
        ),
        facts={"version": row.version, "installed_version": row.default_version},
        cure=cure(row, name),
        check=(
            "SELECT extname, extversion FROM pg_catalog.pg_extension"
            f" WHERE {equals('extname', literal(row.extname))};"
        ),
        database=row.datname,
    )


def nowhere(row: Extension) -> str:
    return ", and no script leads from the one to the other" if row.has_path is False else ""


def cure(row: Extension, name: str) -> tuple[str, ...]:
    if row.has_path is False:
        return (
            remark("If the files are older, as after a step back, install those of"),
            remark(f"{row.version} or later again: its functions may be missing in the library."),
            remark("If they are newer, update in steps, by the versions that its notes name."),
        )
    return (
        remark("Read its release notes; as its owner or a superuser:"),
        f"ALTER EXTENSION {name} UPDATE;",
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
