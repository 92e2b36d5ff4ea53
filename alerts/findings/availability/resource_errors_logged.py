"""Statements or logins fail because something is used up: slots, memory, or the volume."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.log_counts import log_counts

WINDOW = timedelta(minutes=10)
ERRORS = Window(log_counts, WINDOW)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = WINDOW
    """How long after the last error it is reported; at most ten minutes."""
    least: int = 1
    """Number of errors; each one is a statement or a login that failed."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """Resource that an error says is used up, and the cure."""

    what: str
    severity: Severity
    advice: tuple[str, ...]


SHORTAGES = {
    "53100": Shortage(
        "there is no space on the volume",
        Severity.critical,
        (
            "See disk_full and wal_directory_size for what takes the space. Never delete files",
            "in pg_wal by hand. If temporary files take it, temp_spill_live names the statement.",
        ),
    ),
    "53200": Shortage(
        "there is no more memory, or the table of locks is full",
        Severity.critical,
        (
            "See lock_table_pressure: max_locks_per_transaction. Otherwise lower work_mem and the",
            "number of sessions; the kernel kills a server that takes too much.",
        ),
    ),
    "53300": Shortage(
        "all connection slots are in use",
        Severity.critical,
        (
            "See connection_saturation: it names who has the sessions, and ends idle ones.",
            "A role or database with a limit of its own fails with this code too.",
        ),
    ),
    "53400": Shortage(
        "a configured limit is exceeded, such as temp_file_limit",
        Severity.warning,
        ("The statement needs more than its role may have; see temp_spill_live.",),
    ),
    "58030": Shortage(
        "reading or writing a file failed",
        Severity.critical,
        (
            "Look at the kernel's log and the storage. Keep backups and archives of before, and be",
            "ready to fail over.",
        ),
    ),
}


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    changes = snapshot.of(ERRORS).delta(limits.window)
    found: dict[str, list[tuple[float, str | None, str | None, float]]] = {}
    for row in snapshot.rows(log_counts):
        age = snapshot.at - row.last
        if row.sqlstate in SHORTAGES and age <= limits.window.total_seconds():
            delta = changes.get(log_counts.key_of(row))
            # A row that is new has no increase yet: all of it was counted since the last round.
            count = max(1.0, delta.increase["count"]) if delta else float(row.count)
            found.setdefault(row.sqlstate, []).append((count, row.datname, row.usename, age))
    for sqlstate, rows in found.items():
        if sum(count for count, *_ in rows) >= limits.least:
            yield evidence(sqlstate, rows, limits)


def evidence(
    sqlstate: str, rows: list[tuple[float, str | None, str | None, float]], limits: Limits
) -> Evidence:
    short = SHORTAGES[sqlstate]
    count = round(sum(row[0] for row in rows))
    _, database, user, _ = max(rows, key=lambda row: row[0])
    whose = f", most of them of {user} in {database}" if user and database else ""
    return Evidence(
        subject=sqlstate,
        severity=short.severity,
        value=count,
        message=(
            f"The log has {plural(count, 'error')} {sqlstate} within"
            f" {duration_text(limits.window)}: {short.what}{whose}."
        ),
        facts={
            "sqlstate": sqlstate,
            "errors": count,
            "largest_user": user,
            "largest_database": database,
            "last_seconds": min(row[3] for row in rows),
        },
        cure=tuple(remark(line) for line in short.advice),
        check="",
    )


finding = Finding(
    title="Failures for lack of resources",
    severities=(Severity.warning, Severity.critical),
    reads=(log_counts,),
    history=(ERRORS,),
    limits=Limits(),
    judge=judge,
    unit="errors",
    because=("disk_full", "connection_saturation", "lock_table_pressure"),
)
