"""Reader of the memory of sessions, where their processes are visible under /proc."""

import heapq
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from collectors.activity import Session
from collectors.backend_memory import BackendMemory

EVERY = 60.0
"""Seconds between two readings."""
PROCESSES = 1000
"""Processes that are read in one go: each costs some 20 µs."""
LARGEST = 20
"""Number of sessions that are reported."""
PAGE = 1024
CLIENT = "client backend"


@dataclass(slots=True)
class MemoryReader:
    """Reads when it is due; the sessions are those of the newest answer."""

    proc: Path = Path("/proc")
    read_at: float = float("-inf")

    def is_due(self) -> bool:
        return time.monotonic() - self.read_at >= EVERY

    def read(self, sessions: Iterable[Session]) -> list[BackendMemory]:
        """Return the largest; a process that is gone, or is not PostgreSQL's, is left out."""
        self.read_at = time.monotonic()
        clients = [one for one in sessions if one.backend_type == CLIENT and not one.is_self]
        found = (self._memory(one) for one in clients[:PROCESSES])
        known = [row for row in found if row is not None]
        return heapq.nlargest(LARGEST, known, key=lambda row: row.rss_anon_bytes)

    def _memory(self, session: Session) -> BackendMemory | None:
        size = self._rss_anon(session.pid)
        if size is None or session.backend_start_text is None:
            return None
        return BackendMemory(
            session.pid,
            session.datname,
            session.usename,
            session.application_name or "",
            session.state,
            session.state_seconds,
            session.backend_start_text,
            session.backend_seconds or 0.0,
            size,
        )

    def _rss_anon(self, pid: int) -> int | None:
        try:
            text = (self.proc / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        values = dict(line.partition(":")[::2] for line in text.splitlines())
        number = values.get("RssAnon", "").split()
        is_ours = values.get("Name", "").strip().startswith("postgres")
        return int(number[0]) * PAGE if is_ours and number and number[0].isdigit() else None
