"""A backup_label in the data directory: recovery after a crash would begin at an old backup."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.exclusive_backup import exclusive_backup
from collectors.volumes import volumes

WITHOUT_EXCLUSIVE = 150000
"""Since this version, no server writes the file into its own data directory."""
HARM = (
    "After a crash, recovery would begin at the start of that backup: it takes long, and fails if"
    " WAL from then is gone."
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    exclusive: Duration = timedelta(hours=24)
    """Age of an exclusive backup, before PostgreSQL 15; one that takes longer was never ended."""
    left: Duration = timedelta(hours=1)
    """Age of the file since PostgreSQL 15; some backups of snapshots put it there for minutes."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    backup = snapshot.row(exclusive_backup)
    if (snapshot.node.version or 0) >= WITHOUT_EXCLUSIVE:
        yield from of_file(snapshot, limits)
    elif backup.is_open and (backup.open_seconds or 0.0) >= limits.exclusive.total_seconds():
        yield never_ended(backup.open_seconds or 0.0)


def of_file(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Judge the file itself, where the data directory is mounted. Raises Unknown elsewhere."""
    for volume in snapshot.rows(volumes):
        if not volume.places.startswith("data"):
            continue
        if volume.has_backup_label is None:
            yield Unjudged(f"pgvigil can't look into {volume.path}: it belongs to another user")
        elif (written := volume.backup_label_written) is not None:
            age = snapshot.at - written
            if age >= limits.left.total_seconds():
                yield left_over(volume.path, age)


def never_ended(seconds: float) -> Evidence:
    return Evidence(
        subject="exclusive backup",
        severity=Severity.warning,
        value=seconds,
        message=(
            f"An exclusive backup has been open for {duration_text(seconds)}, so that a"
            f" backup_label stands in the data directory. {HARM}"
        ),
        facts={"open_seconds": seconds},
        cure=(
            remark("1. Does it still run? Ask the job that began it by pg_start_backup; the file"),
            remark("   backup_label in the data directory has its label. If so, let it end."),
            remark("2. If not, end it; what it has copied so far is no backup:"),
            remark("SELECT pg_catalog.pg_stop_backup();"),
            remark("   If that says that no backup is in progress, the file is left over: move it"),
            remark("   out of the data directory."),
            remark("3. Back up by pg_basebackup, or by a tool that uses no exclusive backup: it"),
            remark("   was removed in PostgreSQL 15."),
        ),
        check="SELECT pg_catalog.pg_is_in_backup(), pg_catalog.pg_backup_start_time();",
    )


def left_over(path: str, seconds: float) -> Evidence:
    return Evidence(
        subject="backup_label",
        severity=Severity.warning,
        value=seconds,
        message=(
            f"{path} has had a file backup_label for {duration_text(seconds)}, although the server"
            f" runs. {HARM}"
        ),
        facts={"left_seconds": seconds, "directory": path},
        cure=(
            remark("1. Which job has put it there? What pg_backup_stop returns belongs into the"),
            remark("   copy, and never into the data directory of a running server."),
            remark(
                "2. While no backup runs, move it out of the data directory. Don't do that where"
            ),
            remark("   a restored server was not started yet: there, recovery needs it."),
        ),
        check=remark(f"ls -l {path}/backup_label"),
    )


finding = Finding(
    title="backup_label left over",
    severities=(Severity.warning,),
    reads=(exclusive_backup,),
    consults=(volumes,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
)
