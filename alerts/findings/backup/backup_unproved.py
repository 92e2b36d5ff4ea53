"""No restore was tested for a month, or there is no archive: a backup is a hope until then."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from shlex import quote

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.replication.restorable import primary_of, restorable_text, stored_wal
from alerts.setting_owner import change
from alerts.snapshot import Snapshot, Unknown
from alerts.units import Duration, duration_text
from alerts.wal.backups import (
    AHEAD,
    is_on_standby,
    newest_good,
    reports_of,
    tells_backups,
)
from alerts.wal.server_settings import provider_of, text_of
from collectors.archiver import archiver
from collectors.backup_reports import BackupFolder, BackupReport, backup_reports
from collectors.replication import replication
from collectors.settings import settings

ARCHIVE, TEST = "archive", "restore test"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    tested: Duration = timedelta(days=30)
    """Age of the marker of a restore test; whatever changed since then was never restored."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    yield from archive(snapshot)
    try:
        reports = reports_of(snapshot)
    except Unknown as unknown:
        yield Unjudged(unknown.reason, subject=TEST, setting=unknown.setting)
        return
    folder = snapshot.row(backup_reports)
    age = None if folder.restore_tested is None else snapshot.at - folder.restore_tested
    if age is not None and age < -AHEAD:
        why = f"the marker of the restore test is {duration_text(-age)} in the future"
        yield Unjudged(why, subject=TEST)
    elif age is None or age >= limits.tested.total_seconds():
        yield untested(snapshot, folder, reports, age)


def archive(snapshot: Snapshot) -> Iterator[Outcome]:
    """Judge whether WAL is archived; a standby knows that of itself only."""
    server = primary_of(snapshot) or snapshot
    if not server.has(archiver):
        yield Unjudged(f"{server.node.server} does not answer", subject=ARCHIVE)
    elif server.row(archiver).is_archiving or provider_of(server) or any(stored_wal(server)):
        return
    elif is_on_standby(server):
        why = "whether the primary archives WAL is not known here"
        yield Unjudged(why, subject=ARCHIVE, setting="servers")
    else:
        yield no_archive(server)


def no_archive(snapshot: Snapshot) -> Evidence:
    return Evidence(
        subject=ARCHIVE,
        severity=Severity.warning,
        value=1,
        message=(
            "There is no archive of WAL: archive_mode is off, and nothing receives WAL to store it."
            " A restore reaches only the end of the last base backup, and all later changes would"
            " be lost with this server."
        ),
        facts={"is_archiving": False},
        cure=(
            remark("Archive by the tool that takes the backups (pgBackRest, WAL-G, Barman); then:"),
            *_logged(snapshot),
            *change(snapshot, "archive_mode", "on"),
            *change(snapshot, "archive_command", "'…'"),
            remark("Take a base backup afterwards: the archive has nothing from before."),
        ),
        check=(
            "SELECT pg_catalog.current_setting('archive_mode'), archived_count, last_archived_time"
            " FROM pg_catalog.pg_stat_archiver;"
        ),
    )


def _logged(snapshot: Snapshot) -> tuple[str, ...]:
    """Return how WAL becomes enough for an archive: else the server would not start with one."""
    if not snapshot.has(settings) or text_of(snapshot, "wal_level") != "minimal":
        return ()
    return (
        remark("With wal_level = minimal, a server that archives does not start. Set this first,"),
        remark("and restart when both are set:"),
        *change(snapshot, "wal_level", "replica"),
    )


def untested(
    snapshot: Snapshot,
    folder: BackupFolder,
    reports: tuple[BackupReport, ...],
    age: float | None,
) -> Evidence:
    found, marker = newest_good(reports), f"{folder.folder}/restore-tested"
    last = "was never marked" if age is None else f"was {duration_text(age)} ago"
    reach = restorable_text(snapshot, found[0]) if found else ""
    return Evidence(
        subject=TEST,
        severity=Severity.warning,
        value=age or 0.0,
        message=(
            f"The last test of a restore {last}: whether the backups can be restored is not known."
            f"{reach.replace(' could reach', ' should reach')}"
        ),
        facts={
            "tested_seconds": age,
            "folder": folder.folder,
            "newest_good": found[0].label if found else None,
        },
        cure=(
            remark("1. Restore the newest backup to another machine, and roll it forward to now."),
            remark(
                "2. Start it without connecting it to anything; run pg_amcheck, and the queries"
            ),
            remark("   that show whether the newest rows are there. Note how long it took."),
            remark(f"3. Then let that job write the marker: touch {quote(marker)}"),
        ),
        check=remark("The marker is a file in the folder of backup_reports; its time counts."),
    )


finding = Finding(
    title="Backups never proved",
    severities=(Severity.warning,),
    reads=(archiver,),
    consults=(backup_reports, replication, settings),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    applies=tells_backups,
    unit="seconds",
)
