"""A table has many more dead rows than it takes to trigger autovacuum, for a known cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.limits import BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from alerts.vacuum.churn import CHURN
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.held import ASSIGNED
from alerts.vacuum.horizon import CONSULTS
from alerts.vacuum.lateness import LatenessCause, cause_of
from alerts.vacuum.trigger import AutovacuumSettings
from alerts.vacuum.work import WORK
from collectors._base import Role
from collectors.activity import activity
from collectors.settings import settings
from collectors.transaction_ids import transaction_ids
from collectors.user_tables import user_tables
from collectors.xmin_horizon import xmin_horizon


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: Annotated[float, Slack(0.75)] = 2.0
    """Dead rows, as a multiple of the table's own trigger; a worker comes at one."""
    least_rows: Annotated[int, Slack(0.75)] = 10_000
    """Dead rows from which it matters."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    for due in tables(snapshot, server, "n_dead_tup", limits.least_rows):
        if due.dead_times >= limits.times:
            yield evidence(snapshot, due, cause_of(snapshot, server, due))


def evidence(snapshot: Snapshot, due: DueTable, cause: LatenessCause) -> Evidence:
    table = due.table
    ago = f"{duration_text(snapshot.at - due.vacuumed)} ago" if due.vacuumed else "never"
    return Evidence(
        subject=due.name,
        severity=Severity.warning,
        value=table.n_dead_tup,
        message=(
            f"{due.name} has {table.n_dead_tup:,} dead rows, {due.dead_times:.1f} times what makes"
            f" autovacuum take it ({due.triggers.vacuum:,.0f}); last vacuum {ago}: {cause.text}."
        ),
        facts={
            "dead_rows": table.n_dead_tup,
            "trigger_rows": due.triggers.vacuum,
            "live_rows": table.n_live_tup,
            "cause": cause.kind.value,
            "last_vacuum_seconds": snapshot.at - due.vacuumed if due.vacuumed else None,
        },
        cure=cause.cure,
        check=due.check,
        object=due.name,
        database=table.datname,
    )


finding = Finding(
    title="Autovacuum overdue",
    severities=(Severity.warning,),
    reads=(user_tables, settings, activity),
    consults=(xmin_horizon, transaction_ids, *CONSULTS[1:]),
    history=(WORK, ASSIGNED, CHURN),
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
    hold=timedelta(minutes=30),
    because=(
        "xmin_horizon_held",
        "autovacuum_disabled",
        "autovacuum_cancelled",
        "autovacuum_workers_saturated",
        "autovacuum_throttled",
    ),
)
