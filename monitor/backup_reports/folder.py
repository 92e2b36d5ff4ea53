"""Folder of backup reports: read without following links, waiting, or reading without a limit."""

import errno
import os
import stat
from pathlib import Path

from collectors.backup_reports import BackupFolder, BackupReport
from monitor.backup_reports.formats import FORMATS, parse
from monitor.plain_file import reason

MARKER = "restore-tested"
"""A file whose time says when a restore was last tested; its content does not matter."""
LARGEST = 1 << 20
"""Bytes of all reports together. A thousand backups take half of it."""
PLAIN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


def read_folder(folder: Path) -> BackupFolder:
    """Return what is in the folder. Raises OSError if the folder itself can't be read."""
    there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        left, reports = LARGEST, list[BackupReport]()
        for tool in FORMATS:
            found, size = _reports(there, tool, left)
            reports += found
            left -= size
        return BackupFolder(str(folder), tuple(reports), _marked(there))
    finally:
        os.close(there)


def _reports(there: int, tool: str, most: int) -> tuple[tuple[BackupReport, ...], int]:
    """Return the reports of a tool, and the bytes that were read; none without its file."""
    try:
        content, written = _content(there, f"{tool}.json", most)
    except FileNotFoundError:
        return (), 0
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else reason(error)
        return (BackupReport(tool, "", 0.0, why, is_readable=False),), 0
    return parse(tool, content, written), len(content)


def _content(there: int, name: str, most: int) -> tuple[bytes, float]:
    descriptor = os.open(name, PLAIN, dir_fd=there)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise OSError(errno.EFBIG, f"all reports together have more than {LARGEST >> 20} MiB")
        return content, status.st_mtime
    finally:
        os.close(descriptor)


def _marked(there: int) -> float | None:
    try:
        status = os.stat(MARKER, dir_fd=there, follow_symlinks=False)
    except OSError:
        return None
    return status.st_mtime if stat.S_ISREG(status.st_mode) else None
