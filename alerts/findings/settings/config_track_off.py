"""The server does not count what it does, so autovacuum, statistics and pgvigil are blind."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.findings.settings._rows import by_name, hidden, origin
from alerts.limits import BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors.settings import Setting, settings

COSTS = {
    "track_counts": (
        Severity.warning,
        "autovacuum never starts, except against wraparound, and no use of tables is counted",
    ),
    "track_activities": (
        Severity.warning,
        "no session shows its state or its statement: blockers, long transactions and waits"
        " can't be told",
    ),
    "track_io_timing": (
        Severity.info,
        "reads and writes are counted, but not how long they take",
    ),
}
"""What is lost without each."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it counts or it does not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = by_name(snapshot)
    yield from hidden(*(known.get(name) for name in COSTS))
    for name, (severity, cost) in COSTS.items():
        row = known.get(name)
        if row is not None and row.setting == "off":
            yield evidence(snapshot, row, severity, cost)


def evidence(snapshot: Snapshot, row: Setting, severity: Severity, cost: str) -> Evidence:
    return Evidence(
        subject=row.name,
        severity=severity,
        value=1,
        message=f"{row.name} is off ({origin(row)}): {cost}.",
        facts={"source": row.source, "source_file": row.sourcefile},
        cure=change(snapshot, row.name, "on"),
        check=(
            "SELECT name, setting, source FROM pg_catalog.pg_settings"
            " WHERE pg_catalog.starts_with(name, 'track_');"
        ),
    )


finding = Finding(
    title="Statistics switched off",
    severities=(Severity.info, Severity.warning),
    reads=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
