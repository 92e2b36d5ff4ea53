"""The archive command keeps nothing: all looks well, but no WAL is in any archive."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.wal.archive_command import keeps_nothing
from alerts.wal.archiving import archives
from alerts.wal.server_settings import provider_of, text_of
from collectors.archiver import archiver
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a command keeps the file or it does not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row, command = snapshot.row(archiver), text_of(snapshot, "archive_command")
    by_library = bool(text_of(snapshot, "archive_library"))
    if not row.is_archiving or row.is_failing or by_library or provider_of(snapshot):
        return  # what fails keeps the files in pg_wal, and archive_failing tells it
    if keeps_nothing(command):
        yield Evidence(
            subject="archive_command",
            severity=Severity.warning,
            value=row.archived_count,
            message=(
                f"{_named(command)} keeps no file:"
                f" {plural(row.archived_count, 'WAL file')} counted as archived are in no archive,"
                " so no backup can be rolled forward."
            ),
            facts={"archived_files": row.archived_count},
            cure=(
                *change(snapshot, "archive_command", "'…'"),
                remark("Then take a base backup: an archive can't begin before the newest backup."),
                remark("Until then standbys and slots are all that keeps WAL."),
            ),
            check=(
                "SELECT pg_catalog.current_setting('archive_mode'),"
                " pg_catalog.current_setting('archive_command');"
            ),
        )


def _named(command: str) -> str:
    """Name the program only: the rest of a command may have a password in it."""
    program = command.split(maxsplit=1)[0]
    return "archive_command" if "=" in program else f"archive_command ({program})"


finding = Finding(
    title="Archive command keeps nothing",
    severities=(Severity.warning,),
    reads=(archiver, settings),
    limits=Limits(),
    judge=judge,
    applies=archives,
    kind=FindingKind.review,
    unit="files",
)
