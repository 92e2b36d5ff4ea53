"""Watch of one server's backup reports: read now and then, each time in a thread of its own.

A dead mount holds a reading thread for ever. So none is started while the last one has not
returned, and it is never the background thread.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from collectors._base import Absence
from collectors.backup_reports import BackupFolder
from monitor.backup_reports.folder import read_folder
from monitor.plain_file import reason

SETTING = "backup_reports"
NOT_CONFIGURED = Absence("no folder with reports of backups is configured", setting=SETTING)
Outcome = BackupFolder | Absence


class Visit:
    """One reading of the folder, in a daemon thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outcome: Outcome | None = None
        """What came of it; None until then. Set once, by the thread, before `done`."""
        self.done = Event()
        Thread(target=self._read, name="backup reports", daemon=True).start()

    def _read(self) -> None:
        try:
            self.outcome = read_folder(self.folder)
        except OSError as error:
            self.outcome = Absence(f"{self.folder} can't be read: {reason(error)}")
        except Exception as defect:  # a defect of ours must not leave it unfinished for ever
            self.outcome = Absence(f"a defect in pgvigil: {defect!r}")
        finally:
            self.done.set()


@dataclass(slots=True)
class BackupWatch:
    """The reports of one server. `tick` is called every second, and never waits."""

    folder: Path | None
    supply: Callable[[BackupFolder], None]
    lacks: Callable[[Absence], None]
    pace: float
    """Seconds between two visits."""
    visit: Visit | None = None
    begun: float | None = None
    """When the last visit began, in unix seconds."""

    def tick(self, now: float) -> None:
        """Take over what was read, and begin a visit that is due."""
        if self.folder is None:
            self.lacks(NOT_CONFIGURED)
            return
        if self.visit and self.visit.done.is_set():
            self._take(self.visit.outcome)
            self.visit = None
        if self.begun is not None and now - self.begun < self.pace:
            return
        if self.visit:
            self.lacks(Absence(f"{self.folder} does not answer: a dead mount?"))
        else:
            self.begun, self.visit = now, Visit(self.folder)

    async def settled(self, seconds: float) -> None:
        """Wait for the visit that is under way, but not for longer than that."""
        if visit := self.visit:
            done = await asyncio.to_thread(visit.done.wait, seconds)
            if done:
                self._take(visit.outcome)
                self.visit = None

    def _take(self, outcome: Outcome | None) -> None:
        if isinstance(outcome, BackupFolder):
            self.supply(outcome)
        elif outcome is not None:
            self.lacks(outcome)
