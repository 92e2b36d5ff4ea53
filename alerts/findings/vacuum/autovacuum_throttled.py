"""The workers of autovacuum sleep most of the time, while tables fall behind."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from alerts.vacuum.cost_limit import is_slowed
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.lateness import faster, own_cost, without_own_cost
from alerts.vacuum.trigger import AutovacuumSettings
from alerts.vacuum.work import WORK, WorkLog
from collectors._base import Role
from collectors.activity import activity
from collectors.settings import settings
from collectors.user_tables import user_tables

SHOWN = 5
"""Number of tables that are named."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    sleeping: Share = 0.7
    """Share of the workers' time within the last hour that they slept because of the cost
    limit."""
    looks: Annotated[int, FIXED] = 300
    """Seconds of work that were seen, from which the share means something."""
    times: Annotated[float, Slack(0.75)] = 3.0
    """Dead rows of a table that falls behind, as a multiple of its trigger."""
    least_rows: Annotated[int, Slack(0.75)] = 100_000
    """Dead rows from which such a table counts."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    work = snapshot.of(WORK)
    if work.sleeping_share < limits.sleeping or not server.enabled:
        return
    behind = [
        due
        for due in tables(snapshot, server, "n_dead_tup", limits.least_rows)
        if due.dead_times >= limits.times and due.triggers.enabled
    ]
    if behind and work.looks < limits.looks:
        yield Unjudged("too little work of autovacuum was seen yet", until=snapshot.at + 600)
    elif behind:
        yield evidence(snapshot, work, behind)


def evidence(snapshot: Snapshot, work: WorkLog, behind: list[DueTable]) -> Evidence:
    worst = max(behind, key=lambda due: due.table.n_dead_tup)
    share = share_text(round(work.sleeping_share, 2))
    return Evidence(
        subject="workers",
        severity=Severity.warning,
        value=work.sleeping_share,
        message=(
            f"Autovacuum sleeps {share} of its time because of its cost limit, while"
            f" {plural(len(behind), 'table')} fell behind, most {worst.name} with"
            f" {worst.table.n_dead_tup:,} dead rows."
        ),
        facts={
            "sleeping_share": work.sleeping_share,
            "looks": work.looks,
            "tables_behind": len(behind),
            "tables": ", ".join(due.name for due in behind[:SHOWN]),
        },
        cure=tuple(cure(snapshot, behind)),
        check=(
            "SELECT pid, datname, wait_event, query FROM pg_catalog.pg_stat_activity"
            " WHERE backend_type OPERATOR(pg_catalog.=) 'autovacuum worker';"
        ),
    )


def cure(snapshot: Snapshot, behind: list[DueTable]) -> Iterator[str]:
    """Reset options that make tables slower, and raise the limit for the others."""
    slowed = [due for due in behind if is_slowed(snapshot, own_cost(due))]
    for due in sorted(slowed, key=lambda due: due.table.n_dead_tup, reverse=True)[:SHOWN]:
        yield from without_own_cost(due)
    if len(slowed) < len(behind):
        yield from faster(snapshot)


finding = Finding(
    title="Autovacuum throttled",
    severities=(Severity.warning,),
    reads=(user_tables, settings, activity),
    history=(WORK,),
    limits=Limits(),
    judge=judge,
    unit="share",
    on=Role.primary,
    hold=timedelta(minutes=30),
)
