"""A table with rows was never analysed: the planner guesses."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.limits import BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.trigger import AutovacuumSettings
from collectors._base import Role
from collectors.settings import settings
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    least_rows: Annotated[int, Slack(0.75)] = 10_000
    """Rows from which guesses of the planner matter."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    for due in tables(snapshot, server, "n_live_tup", limits.least_rows):
        if due.table.reltuples < 0 and due.table.analyzed is None:
            yield evidence(due)


def evidence(due: DueTable) -> Evidence:
    live = due.table.n_live_tup
    return due.evidence(
        Severity.warning,
        live,
        f"has about {live:,} rows and was never analysed: the planner guesses what is in it.",
        {"live_rows": live, "autovacuum_enabled": due.triggers.enabled},
        due.analyze,
    )


finding = Finding(
    title="Table never analysed",
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
