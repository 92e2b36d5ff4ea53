"""Reports of backup tools, which others write into a folder; the daemon reads and supplies them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup in a report."""

    label: str
    kind: str
    """full, differential or incremental, as far as the tool says."""
    finished: float | None
    """Unix seconds; None if it was not finished."""
    failed: bool
    system_identifier: str | None = None
    """Of the cluster that was backed up; None if the report does not say."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """Report of one tool on one stanza or server."""

    tool: str
    name: str
    """Of the stanza or server; empty if the tool has none."""
    written: float
    """When the file was written, in unix seconds."""
    problem: str | None = None
    """Why the file can't be understood, or what the tool itself complains of."""
    is_readable: bool = True
    backups: tuple[Backup, ...] = ()
    """From the oldest to the newest."""

    @property
    def newest_good(self) -> Backup | None:
        good = (b for b in reversed(self.backups) if b.finished is not None and not b.failed)
        return next(good, None)

    @property
    def source(self) -> str:
        return f"{self.tool} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """The one row of a server: all reports in its folder."""

    folder: str
    reports: tuple[BackupReport, ...]
    restore_tested: float | None
    """When the marker of a restore test was written, in unix seconds; None: there is none."""


def last_success(rows: Sequence[BackupFolder]) -> Iterator[Sample]:
    for report in (report for row in rows for report in row.reports):
        if good := report.newest_good:
            yield (report.tool, report.name), good.finished


def written(rows: Sequence[BackupFolder]) -> Iterator[Sample]:
    for report in (report for row in rows for report in row.reports):
        yield (report.tool, report.name), report.written


def tested(rows: Sequence[BackupFolder]) -> Iterator[Sample]:
    for row in rows:
        yield (), row.restore_tested


backup_reports = Collector(
    row=BackupFolder,
    lane=Lane.slow,
    metrics=(
        Metric(
            "pg_backup_last_success_timestamp_seconds",
            "gauge",
            "When the newest good backup was finished, by the report of its tool.",
            ("tool", "stanza"),
            last_success,
        ),
        Metric(
            "pg_backup_report_timestamp_seconds",
            "gauge",
            "When the report was written.",
            ("tool", "stanza"),
            written,
        ),
        Metric(
            "pg_backup_restore_tested_timestamp_seconds",
            "gauge",
            "When the marker of a restore test was written.",
            (),
            tested,
        ),
    ),
)
