"""A changed setting waits for a restart: what the files say is not what the server does."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.findings.settings._rows import by_name
from alerts.limits import BaseLimits
from alerts.setting_owner import FORMS, RESTARTS, owner_of
from alerts.snapshot import Snapshot
from collectors.settings import Setting, settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it waits or it does not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = by_name(snapshot)
    owner = owner_of(known)
    then = RESTARTS.get(owner, "restart the server")
    where = f"{FORMS[owner]} " if owner in FORMS else ""
    for row in known.values():
        if row.pending_restart:
            yield evidence(row, f"{where}{then}")


def evidence(row: Setting, restart: str) -> Evidence:
    file = f" in {row.sourcefile}, line {row.sourceline}" if row.sourcefile else ""
    return Evidence(
        subject=row.name,
        severity=Severity.info,
        value=1,
        message=(
            f"{row.name} was changed{file}, but still is {row.setting or 'unknown'}:"
            " the new value comes with the next restart, planned or not."
        ),
        facts={"value": row.setting, "unit": row.unit, "source_file": row.sourcefile},
        cure=(
            remark("In a maintenance window, to see now what the next restart would bring:"),
            remark(restart),
            remark("Or take the change back where it was made, and reload."),
        ),
        check=(
            "SELECT name, setting, sourcefile, sourceline FROM pg_catalog.pg_settings"
            " WHERE pending_restart;"
        ),
    )


finding = Finding(
    title="Setting waits for a restart",
    severities=(Severity.info,),
    reads=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
