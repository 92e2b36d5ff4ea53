"""Watch of one server's backup reports."""

from collections.abc import Callable
from pathlib import Path

from collectors._base import Absence
from collectors.backup_reports import BackupFolder
from monitor.backup_reports.folder import read_folder
from monitor.folder_watch import Folder, FolderWatch

SETTING = "backup_reports"
NOT_CONFIGURED = Absence("no folder with reports of backups is configured", setting=SETTING)
BackupWatch = FolderWatch[BackupFolder]


def backup_watch(
    path: Path | None,
    supply: Callable[[BackupFolder], None],
    lacks: Callable[[Absence], None],
    pace: float,
) -> BackupWatch:
    """Return the watch of that folder; `pace` is in seconds."""
    folder = Folder(path, lambda _: read_folder(path)) if path else None
    return FolderWatch(folder, supply, lacks, pace, NOT_CONFIGURED)
