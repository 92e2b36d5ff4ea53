"""Functions in a language that reaches the machine, which every role may execute."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.findings.security._function import named, target
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.definer_functions import DefinerFunction, definer_functions


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a language is trusted or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(definer_functions):
        if not row.is_trusted and row.is_public:
            yield evidence(row)


def evidence(row: DefinerFunction) -> Evidence:
    name = named(row)
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=1,
        message=(
            f"{name} is written in {row.language}, which can reach files and programs of the"
            " machine, and every role may execute it."
        ),
        facts={"language": row.language, "owner": row.owner},
        cure=(
            remark("Grant it to the roles that need it, then take it from all others:"),
            f"REVOKE EXECUTE ON {target(row)} FROM PUBLIC;",
        ),
        check="SELECT lanname, lanpltrusted FROM pg_catalog.pg_language;",
        key=str(row.funcid),
        object=name,
        database=row.datname,
    )


finding = Finding(
    title="Untrusted function for every role",
    severities=(Severity.info,),
    reads=(definer_functions,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
