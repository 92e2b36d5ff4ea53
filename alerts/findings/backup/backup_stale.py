"""The newest good backup is too old: a loss of the server would cost all changes since then."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.replication.restorable import restorable_text, restorable_until, stored_until
from alerts.replication.timeline import TIMELINE
from alerts.snapshot import Snapshot
from alerts.units import Duration, bytes_text, duration_text
from alerts.wal.backups import (
    look,
    newest_good,
    tells_backups,
    trusted,
)
from collectors.archiver import archiver
from collectors.backup_reports import Backup, BackupReport, backup_reports
from collectors.progress_basebackup import progress_basebackup
from collectors.replication import replication
from collectors.settings import settings
from collectors.wal_position import wal_position


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    age: Duration = timedelta(hours=26)
    """Age of the newest good backup; a daily one may take two hours longer than the day before."""
    age_critical: Duration = timedelta(days=3)
    """Age from which it is critical: not one, but several backups are missing."""
    report: Annotated[Duration, FIXED] = timedelta(hours=6)
    """Age of a report up to which it is believed; the job that writes it should run each hour."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trust = trusted(snapshot, limits.report.total_seconds())
    yield from trust.unjudged
    found = newest_good(trust.fresh)
    if found:
        backup, report = found
        age = snapshot.at - (backup.finished or 0.0)
        if age >= limits.age.total_seconds():
            yield too_old(snapshot, backup, report, age, limits)
    elif trust.fresh and not trust.unjudged:
        yield none_at_all(snapshot, trust.fresh)


def too_old(
    snapshot: Snapshot, backup: Backup, report: BackupReport, age: float, limits: Limits
) -> Evidence:
    critical = age >= limits.age_critical.total_seconds()
    return Evidence(
        subject="backup",
        severity=Severity.critical if critical else Severity.warning,
        value=age,
        message=(
            f"The newest good backup ({backup.label} of {report.source}) was finished"
            f" {duration_text(age)} ago.{restorable_text(snapshot, backup)}{_running(snapshot)}"
        ),
        facts={
            "backup": backup.label,
            "tool": report.tool,
            "age_seconds": age,
            "restorable_until": restorable_until(snapshot, backup),
            "stored_until": stored_until(snapshot),
            "report_age_seconds": snapshot.at - report.written,
        },
        cure=_steps((report,)),
        check="SELECT * FROM pg_catalog.pg_stat_progress_basebackup;",
    )


def none_at_all(snapshot: Snapshot, reports: tuple[BackupReport, ...]) -> Evidence:
    failed = sum(len(report.backups) for report in reports)
    more = f", of {plural(failed, 'attempt')}" if failed else ""
    return Evidence(
        subject="backup",
        severity=Severity.critical,
        value=0.0,
        message=(
            f"There is no good backup of this cluster in"
            f" {' and '.join(report.source for report in reports)}{more}: nothing could be"
            f" restored.{_running(snapshot)}"
        ),
        facts={"attempts": failed, "reports": len(reports)},
        cure=_steps(reports),
        check="SELECT * FROM pg_catalog.pg_stat_progress_basebackup;",
    )


def _steps(reports: tuple[BackupReport, ...]) -> tuple[str, ...]:
    return (
        remark("1. See why the last one is missing: the log of its job, its schedule, its target."),
        *look(reports),
        remark("2. Take one now, and check that it is in the report afterwards."),
        remark("3. Don't expire older backups until a newer one is proved by a restore."),
    )


def _running(snapshot: Snapshot) -> str:
    """Tell of base backups that run now, over the replication protocol."""
    rows = snapshot.rows(progress_basebackup) if snapshot.has(progress_basebackup) else ()
    if not rows:
        return ""
    row = rows[0]
    size = f" of {bytes_text(row.size_bytes)}" if row.size_bytes else ""
    return f" One runs now ({row.phase}, {bytes_text(row.streamed_bytes)}{size} sent)."


finding = Finding(
    title="No recent backup",
    severities=(Severity.warning, Severity.critical),
    reads=(backup_reports,),
    consults=(archiver, replication, wal_position, progress_basebackup, settings),
    history=(TIMELINE,),
    limits=Limits(),
    judge=judge,
    applies=tells_backups,
    unit="seconds",
)
