"""The demo's folder: gone when the demo ends, and if it was killed, when the next one starts."""

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.demo.binaries import Owner

PREFIX = "pgvigil-demo-"
PATIENCE = 5.0
"""Seconds in which what is told to stop has stopped."""


@contextmanager
def workplace(owner: Owner) -> Iterator[Path]:
    """A folder for one demo; the kernel knows that we live by the lock that we hold on a file."""
    folder = owner.scratch(PREFIX)
    sweep(folder)
    with (folder / "starting").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # Only now does it get the name that others look for, so they never see it unlocked.
        (folder / "starting").rename(folder / "alive")
        try:
            yield folder
        finally:
            _remove(folder)


def sweep(beside: Path) -> None:
    """Ends and removes what demos left that were killed; those that live are let be."""
    for folder in beside.parent.glob(PREFIX + "*"):
        # Folders of other users can't be entered, and are none of our business.
        with suppress(OSError):
            if folder.stat().st_uid == beside.stat().st_uid and _is_orphaned(folder):
                _end_server(folder)
                _remove(folder)


def _is_orphaned(folder: Path) -> bool:
    with (folder / "alive").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _remove(folder: Path) -> None:
    """More than once: what was interrupted may still write while it ends."""
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
    """As its file says; that of initdb, which has no postmaster, writes a negative number."""
    with suppress(FileNotFoundError, IndexError):
        return abs(int((data / "postmaster.pid").read_text().splitlines()[0]))
    return None


def _works_in(pid: int, data: Path) -> bool:
    """Whether it is the server of that folder; the number may be a stranger's by now."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except FileNotFoundError:
        return False
