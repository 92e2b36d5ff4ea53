"""A vacuum has been running for hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Shape
from alerts.cure import equals, identifier, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text, share_text
from collectors.progress_vacuum import VacuumProgress, progress_vacuum


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    running: Duration = timedelta(hours=2)
    """Time from which it is listed; a table of a terabyte takes hours at the default cost
    limit."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(progress_vacuum):
        if (row.running_seconds or 0.0) >= limits.running.total_seconds():
            yield evidence(row)


def name(row: VacuumProgress) -> str:
    return identifier(row.schemaname, row.relname) if row.schemaname else row.relname


def evidence(row: VacuumProgress) -> Evidence:
    seconds, scanned = row.running_seconds or 0.0, row.heap_blks_scanned / max(1, row.heap_blks)
    left = seconds * (1 - scanned) / scanned if scanned > 0 else None
    ahead = f", about {duration_text(left)} of it left" if left and scanned < 1 else ""
    who = "Autovacuum" if row.is_autovacuum else "A VACUUM"
    return Evidence(
        subject=name(row),
        severity=Severity.info,
        value=seconds,
        message=(
            f"{who} has been vacuuming {name(row)} for {duration_text(seconds)}: {row.phase},"
            f" {share_text(round(scanned, 3))} of the table scanned{ahead}, {row.index_vacuums}"
            " passes over its indexes."
        ),
        facts={
            "pid": row.pid,
            "phase": row.phase,
            "running_seconds": seconds,
            "scanned_share": scanned,
            "index_passes": row.index_vacuums,
            "left_seconds": left if scanned < 1 else None,
            "slept_seconds": row.delay_seconds,
        },
        cure=(
            remark("Let it finish: cancelled, it starts again. While it runs it holds back DDL on"),
            remark("the table. If it sleeps (VacuumDelay), see autovacuum_throttled; if it passes"),
            remark("over the indexes more than once, vacuum_multi_index_pass."),
        ),
        check=(f"SELECT * FROM pg_catalog.pg_stat_progress_vacuum WHERE {equals('pid', row.pid)};"),
        key=f"{row.pid}:{row.relid}",
        database=row.datname,
    )


finding = Finding(
    title="Vacuum long-running",
    severities=(Severity.info,),
    reads=(progress_vacuum,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    shape=Shape.condition,
    kind=FindingKind.review,
    scope=Reach.database,
    outlives_restart=False,
)
