"""Memory of the server's processes, where they are visible here."""

from dataclasses import dataclass, field

from collectors._base import Absence
from collectors.activity import activity
from collectors.backend_memory import backend_memory
from monitor.background import in_background
from monitor.postgres.backend_memory import MemoryReader
from monitor.postgres.sessions import Sessions
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source

ELSEWHERE = Absence(
    "the processes of the server are not visible here", setting="shareProcessNamespace"
)


@dataclass(slots=True)
class SessionMemory(Source):
    """Supplies the largest sessions of the newest look."""

    outlet: Outlet
    sessions: Sessions
    reader: MemoryReader = field(default_factory=MemoryReader)
    name = "memory"
    every = 5.0

    async def tick(self, now: float) -> None:
        known, session = self.outlet.answers.newest.get(activity), self.sessions.any
        if session is not None and session.process is None:
            self.outlet.lack(ELSEWHERE, backend_memory)
        elif session is not None and known is not None and self.reader.is_due():
            self.outlet.supply(backend_memory, await in_background(self.reader.read, known.rows))
