"""Memory of the server's processes, where they are visible here."""

import asyncio
from dataclasses import dataclass, field

from collectors._base import Absence
from collectors.activity import activity
from collectors.backend_memory import BackendMemory, backend_memory
from monitor.background import in_background
from monitor.postgres.backend_memory import MemoryReader
from monitor.postgres.sessions import Sessions
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source

ELSEWHERE = Absence(
    "the processes of the server are not visible here", setting="shareProcessNamespace"
)

PATIENCE = 5.0
"""Seconds that a single check waits for it."""


@dataclass(slots=True)
class SessionMemory(Source):
    """Supplies the largest sessions of the newest look."""

    outlet: Outlet
    sessions: Sessions
    reader: MemoryReader = field(default_factory=MemoryReader)
    reading: "asyncio.Task[list[BackendMemory]] | None" = None
    """Waits its turn in the background thread, which may be long; the pulse does not."""
    name = "memory"
    every = 5.0

    async def tick(self, now: float) -> None:
        self._take()
        known, session = self.outlet.answers.newest.get(activity), self.sessions.any
        if session is not None and session.process is None:
            self.outlet.lack(ELSEWHERE, backend_memory)
        elif session and known and self.reading is None and self.reader.is_due():
            self.reading = asyncio.create_task(in_background(self.reader.read, known.rows))

    async def settle(self) -> None:
        if self.reading:
            await asyncio.wait({self.reading}, timeout=PATIENCE)
            self._take()

    def _take(self) -> None:
        if self.reading and self.reading.done():
            done, self.reading = self.reading, None
            self.outlet.supply(backend_memory, done.result())
