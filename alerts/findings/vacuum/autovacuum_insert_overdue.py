"""Many rows were inserted and never vacuumed: no visibility map, and a storm of freezing later."""

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
    times: Annotated[float, Slack(0.75)] = 3.0
    """Inserted rows, as a multiple of the table's own trigger."""
    least_rows: Annotated[int, Slack(0.75)] = 100_000
    """Inserted rows from which it matters."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    for due in tables(snapshot, server, "n_ins_since_vacuum", limits.least_rows):
        if due.triggers.enabled and due.inserted_times >= limits.times:
            yield evidence(due)


def evidence(due: DueTable) -> Evidence:
    inserted = due.table.n_ins_since_vacuum
    return due.evidence(
        Severity.info,
        inserted,
        f"has {inserted:,} rows inserted since its last vacuum, {due.inserted_times:.1f} times what"
        f" triggers autovacuum ({due.triggers.insert or 0:,.0f}).",
        {"inserted_rows": inserted, "trigger_rows": due.triggers.insert},
        (
            remark("This makes index-only scans possible, and freezes rows before it is urgent:"),
            f"VACUUM (ANALYZE, SKIP_LOCKED) {due.name};",
        ),
    )


finding = Finding(
    title="Autovacuum overdue after inserts",
    severities=(Severity.info,),
    reads=(user_tables, settings),
    limits=Limits(),
    judge=judge,
    unit="rows",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
    hold=timedelta(hours=1),
)
