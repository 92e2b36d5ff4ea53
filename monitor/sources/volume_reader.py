"""Volume reader: looks at the file systems of one server's files."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from collectors._base import Absence
from collectors.volumes import Volume
from monitor.folder_watch import Folder, FolderWatch

PACE = 15.0
"""Seconds between two looks."""
PATIENCE = 1.0
"""Seconds that a single check waits for a look."""
LINKS = 64
"""Tablespaces that are looked at."""
NOT_HERE = "it is a link to another volume, which is not mounted here; name it in wal_directory"
LOG_FILES = 10_000
"""Files of the server's log that are counted."""
NOT_MOUNTED = Absence(
    "pgvigil can't see the server's volume: no data_directory is configured",
    setting="data_directory",
)


def volume_watch(
    data: Path | None,
    wal: Path | None,
    supply: Callable[[list[Volume]], None],
    lacks: Callable[[Absence], None],
) -> FolderWatch[list[Volume]]:
    """Return the watch of the file systems of a server's files."""
    folder = Folder(data, lambda _: measured(data, wal)) if data else None
    return FolderWatch(folder, supply, lacks, PACE, NOT_MOUNTED)


def measured(data: Path, wal: Path | None = None) -> list[Volume]:
    """Return each file system once, with what lies there; blocks as long as a mount does."""
    found: dict[object, Volume] = {}
    for place, path in _places(data, wal):
        device, volume = _volume(place, path)
        if volume.error and place == "wal" and wal is None:
            if os.path.islink(path):  # False also where that is hidden from us
                volume = replace(volume, error=NOT_HERE)
            else:
                # Hidden, as from another user: it is where the data are, unless told so.
                device, volume = next(iter(found.items()))
        known = found.get(device)
        found[device] = replace(known, places=f"{known.places}, {place}") if known else volume
    log, label = _log_bytes(data / "log"), _label(data)
    return [
        replace(v, log_bytes=log, has_backup_label=label[0], backup_label_written=label[1])
        if v.places.startswith("data")
        else v
        for v in found.values()
    ]


def _places(data: Path, wal: Path | None) -> Iterator[tuple[str, Path]]:
    yield "data", data
    yield "wal", wal or data / "pg_wal"
    try:
        links = sorted(entry.name for entry in os.scandir(data / "pg_tblspc"))
    except OSError:
        return  # under another user; whether there are tablespaces is not known then
    for name in links[:LINKS]:
        yield f"tablespace {name}", data / "pg_tblspc" / name


def _volume(place: str, path: Path) -> tuple[object, Volume]:
    """Return a key of its file system, and what it has."""
    try:
        device, space = path.stat().st_dev, os.statvfs(path)
    except OSError as wrong:
        reason = (wrong.strerror or "can't be looked at").lower()
        return place, Volume(place, str(path), None, None, None, None, error=reason)
    block = space.f_frsize or space.f_bsize
    return device, Volume(
        place,
        str(path),
        space.f_blocks * block - (space.f_bfree - space.f_bavail) * block,
        space.f_bavail * block,
        space.f_files,
        space.f_favail,
    )


def _log_bytes(folder: Path) -> int | None:
    """Sum the server's log files, without following links."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= LOG_FILES:
                    break
                status = entry.stat(follow_symlinks=False)
                total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    except OSError:
        return None
    return total


def _label(data: Path) -> tuple[bool | None, float | None]:
    """Return whether there is a backup_label, and when it was written."""
    try:
        return True, (data / "backup_label").stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return False, None
    except OSError:
        return None, None  # under another user
