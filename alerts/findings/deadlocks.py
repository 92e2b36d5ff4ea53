"""PostgreSQL ended a transaction because it and others waited for each other in a circle."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Scope, Severity, Shape
from alerts.cure import literal, remark
from alerts.history import Window
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from collectors.databases import Database, databases


@dataclass(frozen=True, slots=True)
class Limits:
    least: int = 1
    """Deadlocks between two looks that are news; each one is a transaction that was lost."""

    def relax(self) -> "Limits":
        return self


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    steps = snapshot.step(databases)
    for database in snapshot.rows(databases):
        step = steps.get(databases.key_of(database))
        if step and step.increase["deadlocks"] >= limits.least:
            yield evidence(database, int(step.increase["deadlocks"]), step.seconds)


def evidence(database: Database, happened: int, seconds: float) -> Evidence:
    one = happened == 1
    return Evidence(
        subject=database.datname,
        severity=Severity.warning,
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
            "deadlocks_since_reset": database.deadlocks,
        },
        cure=(
            remark("It is over: nobody waits any more. What was rolled back has to be retried."),
            remark("The server's log has both statements; look for 'deadlock detected'."),
            remark("Let all code lock in one order: rows ORDER BY their key, tables by name."),
        ),
        check=(
            "SELECT datname, deadlocks, stats_reset FROM pg_stat_database"
            f" WHERE datname = {literal(database.datname)};"
        ),
        key=f"{database.datname}#{database.deadlocks}@{database.stats_reset}",
        database=database.datname,
    )


finding = Finding(
    title="Deadlocks",
    group="locks",
    severities=(Severity.warning,),
    reads=(databases,),
    history=(Window(databases, timedelta(minutes=5)),),
    limits=Limits(),
    judge=judge,
    unit="deadlocks",
    shape=Shape.event,
    scope=Scope.database,
    alerted_by=AlertedBy.database,
    linger=timedelta(minutes=10),
)
