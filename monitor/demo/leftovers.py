"""Temporary folder of the demo: removed at the end, or by the next demo if this one was killed."""

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.demo import pooler
from monitor.demo.binaries import Owner

PREFIX = "pgvigil-demo-"
PATIENCE = 5.0
"""Seconds to wait for a process to stop, and for its folder to be removed."""


@contextmanager
def workplace(owner: Owner) -> Iterator[Path]:
    """Make a folder for one demo; a file lock in it shows that the demo is running."""
    folder = owner.scratch(PREFIX)
    sweep(folder)
    with (folder / "starting").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # Renamed only now, so that other demos never see the file without its lock.
        (folder / "starting").rename(folder / "alive")
        try:
            yield folder
        finally:
            _remove(folder)


def sweep(beside: Path) -> None:
    """Stop the servers and remove the folders of demos that were killed."""
    for folder in beside.parent.glob(PREFIX + "*"):
        # Folders of other users can't be entered, and are skipped.
        with suppress(OSError):
            if folder.stat().st_uid == beside.stat().st_uid and _is_orphaned(folder):
                _end_server(folder)
                pooler.end(folder)
                _remove(folder)


def _is_orphaned(folder: Path) -> bool:
    with (folder / "alive").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _remove(folder: Path) -> None:
    """Remove a folder; retry, because a process that is ending may still write to it."""
    deadline = time.monotonic() + PATIENCE
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)


def _end_server(folder: Path) -> None:
    data = folder / "data"
    pid = _server_of(data)
    if pid is None or not _works_in(pid, data):
        return
    os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + PATIENCE
    while _works_in(pid, data) and time.monotonic() < deadline:
        time.sleep(0.02)


def _server_of(data: Path) -> int | None:
    """Return the pid in postmaster.pid; the server of initdb writes it as a negative number."""
    with suppress(FileNotFoundError, IndexError):
        return abs(int((data / "postmaster.pid").read_text().splitlines()[0]))
    return None


def _works_in(pid: int, data: Path) -> bool:
    """Return True if the process is the server of that folder; the pid may have been reused."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except FileNotFoundError:
        return False
