"""pg_partman has not looked after its tables for a day: no partition is made ahead or dropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, remark
from alerts.findings.partitions._partman import unreadable
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.partman_tables import PartmanTable, partman_tables

NOTED_SINCE = (5, 1)
"""The version from which pg_partman notes its runs."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    stale: Duration = timedelta(days=1)
    """Time since the last run; usual is each hour, or each day."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    by_database = attrgetter("datname")
    for datname, group in groupby(
        sorted(snapshot.rows(partman_tables), key=by_database), by_database
    ):
        rows = list(group)
        if not rows[0].may_read:
            yield unreadable(rows[0])
        elif version(rows[0]) < NOTED_SINCE:
            why = f"pg_partman {rows[0].extension_version} does not note when it ran"
            yield Unjudged(why, datname, subject="pg_partman")
        else:
            yield from stale(rows, snapshot.at, limits)


def version(row: PartmanTable) -> tuple[int, ...]:
    return tuple(int(part) for part in row.extension_version.split(".") if part.isdigit())


def stale(rows: Sequence[PartmanTable], at: float, limits: Limits) -> Iterator[Evidence]:
    late = [row for row in rows if row.is_automatic and is_late(row, at, limits)]
    if late:
        yield evidence(late, at)


def is_late(row: PartmanTable, at: float, limits: Limits) -> bool:
    last = row.maintenance_last_run
    return last is None or at - last >= limits.stale.total_seconds()


def evidence(late: Sequence[PartmanTable], at: float) -> Evidence:
    first = late[0]
    known = [row.maintenance_last_run for row in late if row.maintenance_last_run is not None]
    age = at - max(known) if known else None
    since = f"for {duration_text(age)}" if age is not None else "at all, as far as it notes"
    schema = identifier(first.extension_schema)
    return Evidence(
        subject="pg_partman",
        severity=Severity.warning,
        value=age or 0.0,
        message=(
            f"The maintenance of pg_partman has not run {since} for"
            f" {plural(len(late), 'table')}: partitions are neither made ahead nor dropped."
        ),
        facts={
            "tables": len(late),
            "age_seconds": age,
            "first_table": first.parent_table,
            "extension_version": first.extension_version,
        },
        cure=(
            remark("This makes what is due for all tables, with a commit after each:"),
            f"CALL {schema}.run_maintenance_proc();",
            remark(
                "Then let it run each hour: by a job of pg_cron, by pg_partman's background worker"
                " (shared_preload_libraries), or by a timer outside."
            ),
        ),
        check=(
            "SELECT parent_table, automatic_maintenance, maintenance_last_run"
            f" FROM {schema}.part_config;"
        ),
        object=None,
        database=first.datname,
        may_be_young=age is None,  # set up just now, perhaps
    )


finding = Finding(
    title="Maintenance of pg_partman has stopped",
    severities=(Severity.warning,),
    reads=(partman_tables,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
    hold=timedelta(hours=24),
)
