"""Many rows changed since the last ANALYZE, so the planner works with old statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.bloat.current import changed_rows
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
        if due.changed_times < limits.times or not table_is_known(due):
            continue
        if changed_rows(due.table) is not None:  # else they may have been made before it
            yield evidence(due)


def table_is_known(due: DueTable) -> bool:
    """Whether it was ever analysed; otherwise table_never_analyzed tells it."""
    return due.table.reltuples >= 0


def evidence(due: DueTable) -> Evidence:
    changed, trigger = due.table.n_mod_since_analyze, due.triggers.analyze
    return due.evidence(
        Severity.warning,
        changed,
        f"has {changed:,} rows changed since its last ANALYZE, {due.changed_times:.1f} times what"
        f" triggers an automatic ANALYZE ({trigger:,.0f}).",
        {
            "changed_rows": changed,
            "trigger_rows": trigger,
            "autovacuum_enabled": due.triggers.enabled,
        },
        due.analyze,
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
