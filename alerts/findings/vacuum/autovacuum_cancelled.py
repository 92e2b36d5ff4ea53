"""Autovacuum begins with a table again and again, and each time has to give way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import moment_text
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.trigger import AutovacuumSettings
from alerts.vacuum.work import WORK, Run
from collectors._base import Role
from collectors.activity import activity
from collectors.settings import settings
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    runs: Annotated[int, FIXED] = 3
    """Runs in a row, within a day, that did not finish."""
    times: Annotated[float, Slack(0.75)] = 1.0
    """Dead rows as a multiple of the table's trigger: otherwise it is not due any more."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    work = snapshot.of(WORK)
    if len(work.in_vain) < limits.runs:
        return
    server = AutovacuumSettings.of(snapshot)
    for due in tables(snapshot, server, "n_dead_tup", 1):
        if due.dead_times >= limits.times:
            runs = work.vain_runs(due.table)
            if len(runs) >= limits.runs:
                yield evidence(due, runs)


def evidence(due: DueTable, runs: Sequence[Run]) -> Evidence:
    waiting = next((run.waiting for run in reversed(runs) if run.waiting), None)
    by = f" This waited for a lock on it: {waiting}" if waiting else ""
    return Evidence(
        subject=due.name,
        severity=Severity.warning,
        value=len(runs),
        message=(
            f"{plural(len(runs), 'vacuum')} of {due.name} by autovacuum ended unfinished, one after"
            f" the other; it has {due.table.n_dead_tup:,} dead rows.{by}"
        ),
        facts={
            "runs": len(runs),
            "dead_rows": due.table.n_dead_tup,
            "last_run": moment_text(runs[-1].last),
            "longest_seconds": max(run.last - run.started for run in runs),
            "waiting_statement": waiting,
        },
        cure=(
            remark("Autovacuum gives way after deadlock_timeout to what waits for its lock: DDL,"),
            remark("LOCK TABLE, TRUNCATE, CREATE INDEX. Run that less often, or at other hours."),
            remark(
                "A VACUUM by hand does not give way, and takes over from a worker that is at it;"
            ),
            remark("in a quiet hour:"),
            "SET lock_timeout = '10s';",
            f"VACUUM (ANALYZE) {due.name};",
        ),
        check=due.check,
        object=due.name,
        database=due.table.datname,
    )


finding = Finding(
    title="Autovacuum cancelled",
    severities=(Severity.warning,),
    reads=(user_tables, activity, settings),
    history=(WORK,),
    limits=Limits(),
    judge=judge,
    unit="runs",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
