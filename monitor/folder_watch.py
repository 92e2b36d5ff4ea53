"""Watch of a folder that others write: read now and then, each time in a thread of its own.

A dead mount holds a reading thread for ever. So none is started while the last one has not
returned, and it is never the background thread.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Generic, TypeVar

from collectors._base import Absence
from monitor.plain_file import reason

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Folder(Generic[T]):
    """A folder, and how it is read."""

    path: Path
    read: Callable[[float], T]
    """Takes the time in unix seconds, and runs in a thread of its own. Raises OSError."""


class Visit(Generic[T]):
    """One reading of the folder, in a daemon thread."""

    def __init__(self, folder: Folder[T], now: float) -> None:
        self.folder, self.now = folder, now
        self.found: T | None = None
        self.absence: Absence | None = None
        """One of the two is set once, by the thread, before `done`."""
        self.done = Event()
        Thread(target=self._read, name=f"reader of {folder.path}", daemon=True).start()

    def _read(self) -> None:
        try:
            self.found = self.folder.read(self.now)
        except OSError as error:
            self.absence = Absence(f"{self.folder.path} can't be read: {reason(error)}")
        except Exception as defect:  # a defect of ours must not leave it unfinished for ever
            self.absence = Absence(f"a defect in pgvigil: {type(defect).__name__}")
        finally:
            self.done.set()


@dataclass(slots=True)
class FolderWatch(Generic[T]):
    """One folder of one server. `tick` is called every second, and never waits."""

    folder: Folder[T] | None
    supply: Callable[[T], None]
    lacks: Callable[[Absence], None]
    pace: float
    """Seconds between two visits."""
    not_configured: Absence
    visit: Visit[T] | None = None
    begun: float | None = None
    """When the last visit began, in unix seconds."""

    def tick(self, now: float) -> None:
        """Take over what was read, and begin a visit that is due."""
        if self.folder is None:
            self.lacks(self.not_configured)
            return
        if self.visit and self.visit.done.is_set():
            self._take(self.visit)
        if self.begun is not None and now - self.begun < self.pace:
            return
        if self.visit:
            self.lacks(Absence(f"{self.folder.path} does not answer: a dead mount?"))
        else:
            self.begun, self.visit = now, Visit(self.folder, now)

    async def settled(self, seconds: float) -> None:
        """Wait for the visit that is under way, but not for longer than that."""
        if visit := self.visit:
            done = await asyncio.to_thread(visit.done.wait, seconds)
            if done:
                self._take(visit)

    def _take(self, visit: Visit[T]) -> None:
        self.visit = None
        if visit.found is not None:
            self.supply(visit.found)
        elif visit.absence is not None:
            self.lacks(visit.absence)
