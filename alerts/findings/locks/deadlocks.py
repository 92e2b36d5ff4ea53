"""PostgreSQL rolled back a transaction to resolve a deadlock; its work is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Shape
from alerts.cure import equals, literal, remark
from alerts.history.window import Delta, Window
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from collectors.databases import Database, databases

WINDOW = timedelta(minutes=5)
COUNTS = Window(databases, WINDOW)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    least: int = 1
    """Number of new deadlocks from which it is reported; each one is a lost transaction."""
    per_minute_critical: float = 1.0
    """Deadlocks per minute, over the last five minutes, from which it is critical."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    counts = snapshot.of(COUNTS)
    steps, lately = counts.step(), counts.delta(WINDOW)
    for database in snapshot.rows(databases):
        key = databases.key_of(database)
        if (step := steps.get(key)) and step.increase["deadlocks"] >= limits.least:
            yield evidence(database, step, per_minute(lately[key]), limits)


def per_minute(change: Delta) -> float:
    """Return the rate over the whole window, so that a first deadlock is not a high rate."""
    return change.increase["deadlocks"] * 60 / max(change.seconds, WINDOW.total_seconds())


def evidence(database: Database, step: Delta, rate: float, limits: Limits) -> Evidence:
    happened, seconds = int(step.increase["deadlocks"]), step.seconds
    one, critical = happened == 1, rate >= limits.per_minute_critical
    return Evidence(
        subject=database.datname,
        severity=Severity.critical if critical else Severity.warning,
        value=happened,
        message=(
            f"{'A deadlock' if one else f'{happened} deadlocks'} in {database.datname} within"
            f" {duration_text(seconds)}: PostgreSQL has rolled back"
            f" {'a transaction' if one else f'{happened} transactions'} to end"
            f" {'it' if one else 'them'}."
        ),
        facts={
            "deadlocks": happened,
            "within_seconds": seconds,
            "deadlocks_per_minute": rate,
            "deadlocks_since_reset": database.deadlocks,
        },
        cure=(
            remark("It is over. The rolled back transaction has to be retried."),
            remark(
                "The statements are in deadlock_captured, if it lasted a second, and in the log."
            ),
            remark("Use one lock order in all code: rows ORDER BY their key, tables by name."),
        ),
        check=(
            "SELECT datname, deadlocks, stats_reset FROM pg_catalog.pg_stat_database"
            f" WHERE {equals('datname', literal(database.datname))};"
        ),
        key=f"{database.datname}#{database.deadlocks}@{database.stats_reset}",
        database=database.datname,
    )


finding = Finding(
    title="Deadlocks",
    severities=(Severity.warning, Severity.critical),
    reads=(databases,),
    history=(COUNTS,),
    limits=Limits(),
    judge=judge,
    unit="deadlocks",
    shape=Shape.event,
    scope=Reach.database,
    alerted_by=AlertedBy.database,
    linger=timedelta(minutes=10),
    because=("deadlock_captured",),
)
