"""Statements or logins fail because something is used up: slots, memory, or the volume."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
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
from collectors.own_role import own_role

WINDOW = timedelta(minutes=10)
ERRORS = Window(log_counts, WINDOW)
NAMED = 3
"""Users that are named, those with the most errors."""


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
        "there is no space on a volume, or in /dev/shm",
        Severity.critical,
        (
            "See disk_full and wal_directory_size for what takes the space. Never delete files",
            "in pg_wal by hand. If temporary files take it, temp_spill_live names the statement.",
            "If the log says 'could not resize shared memory segment', parallel queries fail: give",
            "the container more of it (--shm-size, or a volume of medium Memory at /dev/shm).",
        ),
    ),
    "53200": Shortage(
        "there is no more memory, or no place for another lock or prepared transaction",
        Severity.critical,
        (
            "See lock_table_pressure: max_locks_per_transaction. Where PREPARE TRANSACTION fails:",
            "prepared_transaction_stale, then max_prepared_transactions. Otherwise lower work_mem",
            "and the number of sessions; the kernel kills a server that takes too much.",
        ),
    ),
    "53300": Shortage(
        "all connection slots are in use",
        Severity.critical,
        (
            "See connection_saturation: it names who has the sessions, and ends idle ones.",
            "A role or database with a limit of its own fails with this code too, and a standby or",
            "backup (without a database in the log) once max_wal_senders is reached. The log does",
            "not know the application of a refused login, only its user and database.",
        ),
    ),
    "53400": Shortage(
        "a configured limit is exceeded, such as temp_file_limit or max_replication_slots",
        Severity.warning,
        (
            "A statement that needs more temporary space than its role may have: temp_spill_live.",
            "A replication slot that can't be made: drop one not needed (slot_inactive), or",
            "raise max_replication_slots.",
        ),
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


CONNECTIONS = "53300"
OURS_ALONE = (
    "Others were not refused. Look at the connection limit of the role and of the database, and",
    "at reserved_connections; pgvigil needs three connections, and doctor says what it can't read.",
)


@dataclass(frozen=True, slots=True)
class Failed:
    """Errors of one SQLSTATE of one user in one database within the window."""

    count: float
    database: str | None
    user: str | None
    age: float
    """Seconds since the last one."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    changes = snapshot.of(ERRORS).delta(limits.window)
    found = defaultdict[str, list[Failed]](list)
    for row in snapshot.rows(log_counts):
        age, window = snapshot.at - row.last, limits.window.total_seconds()
        if row.sqlstate in SHORTAGES and age <= window:
            delta = changes.get(log_counts.key_of(row))
            # Counts go on over a restart of the server, after which increases begin anew.
            rise = max(1.0, delta.increase["count"]) if delta else 1.0
            count = row.count if snapshot.at - row.first <= window else rise
            found[row.sqlstate].append(Failed(count, row.datname, row.usename, age))
    for sqlstate, failed in found.items():
        if sum(one.count for one in failed) >= limits.least:
            ours = own_logins(snapshot) if sqlstate == CONNECTIONS else frozenset()
            yield evidence(sqlstate, failed, ours, limits)


def own_logins(snapshot: Snapshot) -> frozenset[str]:
    """Return the role of pgvigil, unless others are likely to log in as the same one."""
    rows = snapshot.rows(own_role) if snapshot.has(own_role) else ()
    return frozenset(row.rolname for row in rows if not row.is_superuser)


def evidence(
    sqlstate: str, failed: Sequence[Failed], ours: Collection[str], limits: Limits
) -> Evidence:
    short = SHORTAGES[sqlstate]
    others = [one for one in failed if one.user not in ours]
    told = others or failed
    count, own = total(told), total(failed) - total(others)
    largest = max(told, key=lambda one: one.count)
    return Evidence(
        subject=sqlstate,
        severity=short.severity if others else Severity.warning,
        value=count,
        message=(
            f"The log has {plural(count, 'error')} {sqlstate} within"
            f" {duration_text(limits.window)}: {short.what}{whose(told, own, bool(others))}."
        ),
        facts={
            "sqlstate": sqlstate,
            "errors": count,
            "largest_user": largest.user,
            "largest_database": largest.database,
            "own_errors": own if sqlstate == CONNECTIONS else None,
            "last_seconds": min(one.age for one in failed),
        },
        cure=tuple(remark(line) for line in (short.advice if others else OURS_ALONE)),
        check="",
    )


def total(failed: Sequence[Failed]) -> int:
    return round(sum(one.count for one in failed))


def whose(told: Sequence[Failed], own: int, has_others: bool) -> str:
    """Say whose statements or logins failed, those of pgvigil itself apart."""
    if not has_others:
        return ", all of them when pgvigil itself wanted to log in"
    named = sorted((one for one in told if one.user and one.database), key=lambda one: -one.count)
    parts = [f"{one.count:.0f} of {one.user} in {one.database}" for one in named[:NAMED]]
    beside = f" ({own} more were logins of pgvigil itself)" if own else ""
    return f", {', '.join(parts)}{beside}" if parts else beside


finding = Finding(
    title="Failures for lack of resources",
    severities=(Severity.warning, Severity.critical),
    reads=(log_counts,),
    consults=(own_role,),
    history=(ERRORS,),
    limits=Limits(),
    judge=judge,
    unit="errors",
    because=("disk_full", "connection_saturation", "lock_table_pressure"),
)
