"""Index-only scans of a large table have to visit it: few of its pages are known to be visible."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, share_text
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.trigger import AutovacuumSettings
from collectors._base import Role
from collectors.settings import settings
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    visible: Annotated[float, Slack(1.2)] = 0.5
    """Share of its pages that an index-only scan need not visit."""
    least_bytes: Bytes = 1024**3
    """Size of the table from which it matters."""
    unvacuumed: Annotated[Duration, FIXED] = timedelta(days=1)
    """Time since its last vacuum: pages that were changed since a recent one are no neglect."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    for due in tables(snapshot, server, "relpages", 1):
        if is_poor(due, snapshot.at, limits):
            yield evidence(due)


def is_poor(due: DueTable, at: float, limits: Limits) -> bool:
    table = due.table
    recent = at - limits.unvacuumed.total_seconds()
    return (
        (table.table_size_bytes or 0) >= limits.least_bytes
        and table.idx_scan > 0
        and visible_share(due) < limits.visible
        and (due.vacuumed or 0.0) < recent
    )


def visible_share(due: DueTable) -> float:
    return due.table.relallvisible / max(1, due.table.relpages)


def evidence(due: DueTable) -> Evidence:
    table = due.table
    return Evidence(
        subject=due.name,
        severity=Severity.info,
        value=table.relpages,
        message=(
            f"Only {share_text(round(visible_share(due), 2))} of the pages of {due.name} are"
            " marked as visible, so index-only scans read the table as well."
        ),
        facts={
            "visible_share": visible_share(due),
            "pages": table.relpages,
            "index_scans": table.idx_scan,
        },
        cure=(
            remark("It marks pages as visible. Rows that are updated all the time undo that soon:"),
            f"VACUUM (SKIP_LOCKED) {due.name};",
        ),
        check=due.check,
        object=due.name,
        database=table.datname,
    )


finding = Finding(
    title="Visibility map poor",
    severities=(Severity.info,),
    reads=(user_tables, settings),
    limits=Limits(),
    judge=judge,
    unit="pages",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
    hold=timedelta(hours=1),
)
