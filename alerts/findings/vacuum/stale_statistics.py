"""Many rows changed since the last ANALYZE, so the planner works with old statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.trigger import AutovacuumSettings
from collectors._base import Role
from collectors.settings import settings
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: Annotated[float, Slack(0.75)] = 2.0
    """Changed rows, as a multiple of the table's own trigger for ANALYZE."""
    least_rows: Annotated[int, Slack(0.75)] = 10_000
    """Changed rows from which it matters."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    for due in tables(snapshot, server, "n_mod_since_analyze", limits.least_rows):
        if table_is_known(due) and due.changed_times >= limits.times:
            yield evidence(due)


def table_is_known(due: DueTable) -> bool:
    """Whether it was ever analysed; otherwise table_never_analyzed tells it."""
    return due.table.reltuples >= 0


def evidence(due: DueTable) -> Evidence:
    table = due.table
    return Evidence(
        subject=due.name,
        severity=Severity.warning,
        value=table.n_mod_since_analyze,
        message=(
            f"{due.name} has {table.n_mod_since_analyze:,} rows changed since its last ANALYZE,"
            f" {due.changed_times:.1f} times what makes autovacuum analyse it"
            f" ({due.triggers.analyze:,.0f})."
        ),
        facts={
            "changed_rows": table.n_mod_since_analyze,
            "trigger_rows": due.triggers.analyze,
            "autovacuum_enabled": due.triggers.enabled,
        },
        cure=(
            remark("It reads a sample, and blocks no reads or writes:"),
            f"ANALYZE (SKIP_LOCKED) {due.name};",
        ),
        check=due.check,
        object=due.name,
        database=table.datname,
    )


finding = Finding(
    title="Stale statistics",
    severities=(Severity.warning,),
    reads=(user_tables, settings),
    limits=Limits(),
    judge=judge,
    unit="rows",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
    hold=timedelta(hours=1),
)
