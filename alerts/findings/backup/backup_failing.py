"""The last backup failed, or its tool complains of its repository."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.replication.restorable import restorable_text
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from alerts.wal.backups import look, tells_backups, trusted
from collectors.archiver import archiver
from collectors.backup_reports import BackupReport, backup_reports
from collectors.replication import replication
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    report: Annotated[Duration, FIXED] = timedelta(hours=6)
    """Age of a report up to which it is believed; the job that writes it should run each hour."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trust = trusted(snapshot, limits.report.total_seconds())
    yield from trust.unjudged
    for report in trust.fresh:
        if why := _why(report):
            yield evidence(snapshot, report, why)


def _why(report: BackupReport) -> str | None:
    last = report.backups[-1] if report.backups else None
    if last and last.failed:
        return f"its last backup ({last.label}) has errors"
    # That there is no backup at all is told by backup_stale.
    return f"it says: {report.problem}" if report.problem and report.backups else None


def evidence(snapshot: Snapshot, report: BackupReport, why: str) -> Evidence:
    good = report.newest_good
    age = snapshot.at - (good.finished or 0.0) if good else None
    before = (
        f"The last good one was finished {duration_text(age)} ago.{restorable_text(snapshot, good)}"
        if good and age is not None
        else "There is no good one."
    )
    return Evidence(
        subject=report.source,
        severity=Severity.warning,
        value=age or 0.0,
        message=f"Backups by {report.source} fail: {why}. {before}",
        facts={
            "tool": report.tool,
            "stanza": report.name,
            "problem": report.problem,
            "last_good_seconds": age,
            "last_good": good.label if good else None,
        },
        cure=(
            remark("1. The log of the tool on the backup host has the error."),
            *look((report,)),
            remark("2. Pages with wrong checksums in a backup are damaged on this server: see"),
            remark("   checksum_failures. Keep the older backups; don't let them expire."),
            remark("3. Repair the cause, and take one by hand."),
        ),
        check="SELECT * FROM pg_catalog.pg_stat_progress_basebackup;",
    )


finding = Finding(
    title="Backup failed",
    severities=(Severity.warning,),
    reads=(backup_reports,),
    consults=(archiver, replication, settings),
    limits=Limits(),
    judge=judge,
    applies=tells_backups,
    unit="seconds",
    alerted_by=AlertedBy.subject,
)
