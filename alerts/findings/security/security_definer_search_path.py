"""Functions with their owner's rights that look up names by the caller's search_path."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, remark
from alerts.findings.security._function import named, target
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.definer_functions import DefinerFunction, definer_functions


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a function sets its search_path, or not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(definer_functions):
        if row.is_definer and not row.has_search_path:
            yield evidence(row)


def evidence(row: DefinerFunction) -> Evidence:
    name = named(row)
    grave = row.is_owned_by_superuser and row.is_public and not row.is_bound
    finds = "lets the functions that it calls find names" if row.is_bound else "finds names"
    owner = f"the superuser {row.owner}" if row.is_owned_by_superuser else row.owner
    schema = identifier(row.schemaname)
    return Evidence(
        subject=name,
        severity=Severity.warning if grave else Severity.info,
        value=1,
        message=(
            f"{name} runs with the rights of {owner}, and {finds} by the search_path of its"
            " caller: a caller who can create objects can make it run their own."
        ),
        facts={
            "owner": row.owner,
            "owned_by_superuser": row.is_owned_by_superuser,
            "executable_by_all": row.is_public,
            "language": row.language,
        },
        cure=(
            remark("Name every schema that its body uses; pg_temp comes last:"),
            *plain_ddl(f"ALTER {target(row)} SET search_path = pg_catalog, {schema}, pg_temp;"),
        ),
        check="SELECT proname, proconfig FROM pg_catalog.pg_proc WHERE prosecdef;",
        key=str(row.funcid),
        object=name,
        database=row.datname,
    )


finding = Finding(
    title="Owner's rights with the caller's search_path",
    severities=(Severity.info, Severity.warning),
    reads=(definer_functions,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
