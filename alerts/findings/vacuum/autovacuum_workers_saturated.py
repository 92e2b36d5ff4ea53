"""All workers of autovacuum are busy, and have been for long, while other tables are due."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits, Slack
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text, share_text
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.lateness import faster
from alerts.vacuum.trigger import AutovacuumSettings
from alerts.vacuum.work import WORK
from collectors._base import Role
from collectors.activity import activity
from collectors.settings import settings
from collectors.user_tables import user_tables

CHECK = (
    "SELECT pid, datname, xact_start, wait_event, query FROM pg_catalog.pg_stat_activity"
    " WHERE backend_type OPERATOR(pg_catalog.=) 'autovacuum worker' ORDER BY xact_start;"
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    busy: Duration = timedelta(minutes=15)
    """Time for which no worker was free."""
    times: Annotated[float, Slack(0.75)] = 2.0
    """Dead rows of a waiting table, as a multiple of its trigger."""
    least_rows: Annotated[int, Slack(0.75)] = 10_000
    """Dead rows from which a waiting table counts."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    work = snapshot.of(WORK)
    busy = work.busy_for(server.max_workers)
    if busy < limits.busy.total_seconds():
        return
    waiting = [
        due
        for due in tables(snapshot, server, "n_dead_tup", limits.least_rows)
        if due.dead_times >= limits.times and due.triggers.enabled and not work.on(due.table)
    ]
    if waiting:
        yield evidence(snapshot, server, busy, waiting)


def evidence(
    snapshot: Snapshot, server: AutovacuumSettings, busy: float, waiting: list[DueTable]
) -> Evidence:
    work, workers = snapshot.of(WORK), int(server.max_workers)
    waiting.sort(key=lambda due: due.table.n_dead_tup, reverse=True)
    sleep = share_text(round(work.sleeping_share, 2))
    at = ", ".join(run.table for run in work.running)
    behind = plural(len(waiting), "due table waits", "due tables wait")
    return Evidence(
        subject="workers",
        severity=Severity.warning,
        value=busy,
        message=(
            f"All {plural(workers, 'worker')} of autovacuum have been busy for"
            f" {duration_text(busy)}, while {behind}, first {waiting[0].name}."
            f" The workers sleep {sleep} of the time because of the cost limit."
        ),
        facts={
            "busy_seconds": busy,
            "workers": workers,
            "waiting_tables": len(waiting),
            "waiting": ", ".join(due.name for due in waiting[:5]),
            "working_at": at,
            "sleeping_share": work.sleeping_share,
        },
        cure=(
            *faster(snapshot),
            remark("Only if that is not enough, more workers, which share that limit:"),
            *more_workers(snapshot, server, workers + 2),
            remark("The table that waits longest can be vacuumed by hand now:"),
            remark(f"In {waiting[0].table.datname}: VACUUM (SKIP_LOCKED) {waiting[0].name};"),
        ),
        check=CHECK,
    )


def more_workers(snapshot: Snapshot, server: AutovacuumSettings, wanted: int) -> Iterator[str]:
    """Without a slot for each, more workers may be set, and none comes."""
    if server.worker_slots is not None and server.worker_slots < wanted:
        yield from change(snapshot, "autovacuum_worker_slots", str(wanted))
    yield from change(snapshot, "autovacuum_max_workers", str(wanted))


finding = Finding(
    title="Autovacuum workers saturated",
    severities=(Severity.warning,),
    reads=(user_tables, settings, activity),
    history=(WORK,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    on=Role.primary,
    because=("autovacuum_throttled",),
)
