"""A kind of plan is switched off for the whole server, so all queries do without it."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.findings.settings._rows import by_name, hidden, origin
from alerts.limits import BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors.settings import Setting, settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a plan type is allowed or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    # Those that PostgreSQL itself switches off, such as enable_partitionwise_join, are fine.
    switches = [
        row
        for row in by_name(snapshot).values()
        if row.name.startswith("enable_") and row.boot_val == "on"
    ]
    yield from hidden(*switches)
    for row in switches:
        if row.setting == "off":
            yield evidence(snapshot, row)


def evidence(snapshot: Snapshot, row: Setting) -> Evidence:
    return Evidence(
        subject=row.name,
        severity=Severity.warning,
        value=1,
        message=(
            f"{row.name} is off for the whole server ({origin(row)}): the planner avoids that kind"
            " of plan in every query, also where it is by far the best."
        ),
        facts={"source": row.source, "source_file": row.sourcefile},
        cure=change(snapshot, row.name, "on"),
        check=(
            "SELECT name, setting, source FROM pg_catalog.pg_settings"
            " WHERE pg_catalog.starts_with(name, 'enable_');"
        ),
    )


finding = Finding(
    title="Plan type switched off",
    severities=(Severity.warning,),
    reads=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
