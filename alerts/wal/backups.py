"""Backups of this cluster by the reports of their tools, and up to when a restore could reach."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Unjudged
from alerts.cure import remark
from alerts.snapshot import Snapshot, Unknown
from alerts.units import duration_text, moment_text
from alerts.wal.server_settings import provider_of
from collectors.archiver import archiver
from collectors.backup_reports import Backup, BackupReport, backup_reports

SETTING = "backup_reports"
LIST = {
    "pgbackrest": "pgbackrest info --output=json",
    "wal-g": "wal-g backup-list --detail --json",
    "barman": "barman --format json list-backups all",
}
"""The command that writes each report; it is never run by us."""


def reports_of(snapshot: Snapshot) -> tuple[BackupReport, ...]:
    """Return all reports, with the backups of this cluster only. Raises Unknown without any."""
    if not snapshot.has(backup_reports) and (provider := provider_of(snapshot)):
        raise Unknown(f"{provider} takes the backups, and does not show them here", None, SETTING)
    folder = snapshot.row(backup_reports)
    if not folder.reports:
        names = ", ".join(f"{tool}.json" for tool in LIST)
        raise Unknown(f"{folder.folder} has no report: none of {names}")
    return tuple(_own(report, snapshot.node.system_identifier) for report in folder.reports)


def _own(report: BackupReport, identifier: str | None) -> BackupReport:
    """Leave out backups of another cluster, such as one that had the same name before."""
    own = tuple(b for b in report.backups if b.system_identifier in (None, identifier))
    return BackupReport(
        report.tool, report.name, report.written, report.problem, report.is_readable, own
    )


@dataclass(frozen=True, slots=True)
class Trust:
    """Reports that can be judged, and why others can't."""

    fresh: tuple[BackupReport, ...]
    unjudged: tuple[Unjudged, ...]


def trusted(snapshot: Snapshot, oldest: float) -> Trust:
    """Return the reports that are not older than these seconds."""
    reports = reports_of(snapshot)
    doubts = {report: _doubt(report, snapshot.at - report.written, oldest) for report in reports}
    return Trust(
        tuple(report for report, doubt in doubts.items() if doubt is None),
        tuple(Unjudged(doubt) for doubt in dict.fromkeys(doubts.values()) if doubt),
    )


def _doubt(report: BackupReport, age: float, oldest: float) -> str | None:
    if not report.is_readable:
        return f"the report of {report.tool} can't be read: {report.problem}"
    if age > oldest:
        return (
            f"the report of {report.tool} was written {duration_text(age)} ago: the job that writes"
            " it has stopped"
        )
    return None


def newest_good(reports: tuple[BackupReport, ...]) -> tuple[Backup, BackupReport] | None:
    """Return the newest good backup of all reports."""
    found = [(good, report) for report in reports if (good := report.newest_good)]
    return max(found, key=lambda one: one[0].finished or 0.0, default=None)


def restorable_until(snapshot: Snapshot, backup: Backup) -> float | None:
    """Return up to when a restore of this backup could reach, in unix seconds.

    That is when the last file of WAL was archived, if there is an archive, else the backup's end.
    """
    row = snapshot.row(archiver) if snapshot.has(archiver) else None
    archived = row.last_archived_time if row and row.is_archiving else None
    return max(filter(None, (archived, backup.finished)), default=None)


def restorable_text(snapshot: Snapshot, backup: Backup) -> str:
    until = restorable_until(snapshot, backup)
    return f" A restore could reach {moment_text(until)}." if until else ""


def look(reports: tuple[BackupReport, ...]) -> Iterator[str]:
    """Yield advice on how to look at the backups by hand."""
    for tool in dict.fromkeys(report.tool for report in reports):
        yield remark(f"Look at them on the backup host: {LIST[tool]}")
