"""Backups of this cluster by the reports of their tools."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from alerts._base import Unjudged
from alerts.cure import remark
from alerts.snapshot import Snapshot, Unknown
from alerts.units import duration_text
from alerts.wal.server_settings import provider_of
from collectors._base import Role
from collectors.backup_reports import Backup, BackupReport, backup_reports

SETTING = "backup_reports"
LIST = {
    "pgbackrest": "pgbackrest info --output=json",
    "wal-g": "wal-g backup-list --detail --json",
    "barman": "barman --format json list-backups NAME",
}
"""The command that writes each report; it is never run by us.

NAME is Barman's name of the server: the section of its configuration.
"""


def tells_backups(snapshot: Snapshot) -> bool:
    """Whether this server judges the backups of its cluster.

    That is the primary, unless only a standby has reports: backups are often taken there.
    """
    return min((snapshot, *snapshot.peers), key=_nearness) is snapshot


def _nearness(snapshot: Snapshot) -> tuple[bool, bool, str]:
    return not _is_reported(snapshot), is_on_standby(snapshot), snapshot.node.server


def _is_reported(snapshot: Snapshot) -> bool:
    """Whether a folder of reports is configured, even if it can't be read now."""
    why = snapshot.absent.get(backup_reports)
    return snapshot.has(backup_reports) or (why is not None and why.setting is None)


def is_on_standby(snapshot: Snapshot) -> bool:
    return snapshot.node.role is Role.standby


AHEAD = 600.0
"""Seconds by which a time may be in the future: clocks differ, but not by more."""
OF_SEVERAL = {
    "barman": (
        "it lists several servers, and none has the name of a watched server of this cluster or of"
        " the cluster: let the job write the list of one server"
    ),
    "pgbackrest": (
        "it lists several stanzas, and not all of their backups have a system identifier: let"
        " the job write one stanza, by --stanza=NAME"
    ),
}
"""Why a report can't be judged, by its tool. WAL-G lists one cluster."""


def reports_of(snapshot: Snapshot) -> tuple[BackupReport, ...]:
    """Return all reports, with the backups of this cluster only. Raises Unknown without any."""
    if not snapshot.has(backup_reports) and (provider := provider_of(snapshot)):
        raise Unknown(f"{provider} takes the backups, and does not show them here", None, SETTING)
    folder = snapshot.row(backup_reports)
    if not folder.reports:
        names = ", ".join(f"{tool}.json" for tool in LIST)
        raise Unknown(f"{folder.folder} has no report: none of {names}")
    return tuple(_own(report, snapshot.node.system_identifier) for report in _ours(snapshot))


def _ours(snapshot: Snapshot) -> Iterator[BackupReport]:
    """Yield the reports that may be of this cluster: Barman tells no system identifier.

    Where it lists several servers, that is the one with the name of a watched server of this
    cluster, or of the cluster.
    """
    servers = (one.node.server for one in (snapshot, *snapshot.peers))
    names = {*servers, (snapshot.node.cluster or "").partition("/")[2]} - {""}
    told = snapshot.row(backup_reports).reports
    for report in told:
        others = [one for one in told if one.tool == report.tool and one.name != report.name]
        if not others or _is_identified(report) or report.name in names:
            yield report
        elif not any(one.name in names for one in others):
            yield replace(report, problem=OF_SEVERAL[report.tool], is_readable=False)


def _is_identified(report: BackupReport) -> bool:
    return all(one.system_identifier for one in report.backups) and report.tool != "barman"


def _own(report: BackupReport, identifier: str | None) -> BackupReport:
    """Leave out backups of another cluster, such as one that had the same name before."""
    own = tuple(b for b in report.backups if b.system_identifier in (None, identifier))
    return replace(report, backups=own)


@dataclass(frozen=True, slots=True)
class Trust:
    """Reports that can be judged, and why others can't."""

    fresh: tuple[BackupReport, ...]
    unjudged: tuple[Unjudged, ...]


def trusted(snapshot: Snapshot, oldest: float) -> Trust:
    """Return the reports that are not older than these seconds."""
    reports = reports_of(snapshot)
    doubts = {report: _doubt(report, snapshot.at, oldest) for report in reports}
    return Trust(
        tuple(report for report, doubt in doubts.items() if doubt is None),
        tuple(Unjudged(doubt) for doubt in dict.fromkeys(doubts.values()) if doubt),
    )


def _doubt(report: BackupReport, now: float, oldest: float) -> str | None:
    age = now - report.written
    if not report.is_readable:
        return f"the report of {report.tool} can't be used: {report.problem}"
    if age < -AHEAD:
        return (
            f"the report of {report.tool} was written {duration_text(-age)} in the future, by the"
            " clock of its folder"
        )
    if any((backup.finished or 0.0) > now + AHEAD for backup in report.backups):
        return f"the report of {report.source} has a backup that ends in the future"
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


def look(reports: tuple[BackupReport, ...]) -> Iterator[str]:
    """Yield advice on how to look at the backups by hand."""
    for command in dict.fromkeys(map(_command, reports)):
        yield remark(f"Look at them on the backup host: {command}")


def _command(report: BackupReport) -> str:
    return LIST[report.tool].replace("NAME", shlex.quote(report.name))
