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
PATIENCE = 10.0
"""Seconds that a server without its demo gets to stop."""


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
            shutil.rmtree(folder, ignore_errors=True)


def sweep(beside: Path) -> None:
    """Ends and removes what demos left that were killed; those that live are let be."""
    for folder in beside.parent.glob(PREFIX + "*"):
        # Folders of other users can't be entered, and are none of our business.
        with suppress(OSError):
            if folder.stat().st_uid == beside.stat().st_uid and _is_orphaned(folder):
                _end_server(folder)
                shutil.rmtree(folder)


def _is_orphaned(folder: Path) -> bool:
    with (folder / "alive").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _end_server(folder: Path) -> None:
    pid_file = folder / "data" / "postmaster.pid"
    if not pid_file.exists():
        return
    # That of initdb, which works without a postmaster, is written as a negative number.
    pid = abs(int(pid_file.read_text().splitlines()[0]))
    deadline = time.monotonic() + PATIENCE
    if _works_in(pid, folder / "data"):
        os.kill(pid, signal.SIGQUIT)
    while _works_in(pid, folder / "data") and time.monotonic() < deadline:
        time.sleep(0.02)


def _works_in(pid: int, data: Path) -> bool:
    """Whether it is the server of that folder; the number may be a stranger's by now."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except FileNotFoundError:
        return False
