"""Backend process: the CPU time of the server process of a session, where it runs on our host."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from monitor.cpu_time import schedstat

TICKS = os.sysconf("SC_CLK_TCK")
STARTED = 19
"""Place of the start time in /proc/PID/stat, counted after the name."""
CLOSE = 2.0
"""Seconds by which the start of the process may differ from the time when we connected."""


@dataclass(slots=True)
class BackendProcess:
    """The process that answers one session."""

    path: str
    run: float = 0.0
    """Seconds of CPU time when it was last read; what it used to start is our cost too."""
    delay: float = 0.0

    @classmethod
    def find(cls, pid: int, since: float) -> "BackendProcess | None":
        """The process with that pid, if it is a server's and was started since then (unix time).

        A pid means nothing on another host: there no process has it, or another one.
        """
        try:
            name, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
            started = _booted() + int(rest.split()[STARTED]) / TICKS
        except (OSError, ValueError, IndexError):
            return None
        is_ours = since - CLOSE <= started <= time.time() + CLOSE
        path = f"/proc/{pid}/schedstat"
        is_readable = schedstat(path)[0] is not None
        return cls(path) if is_ours and is_readable and "postgres" in name else None

    def taken(self) -> tuple[float, float] | None:
        """Seconds that it ran, and that it waited for a core, since this was last asked."""
        run, delay = schedstat(self.path)
        if run is None or delay is None:
            return None
        passed = max(0.0, run - self.run), max(0.0, delay - self.delay)
        self.run, self.delay = run, delay
        return passed


def _booted() -> float:
    """When the host was started, in unix seconds. Raises ValueError."""
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    raise ValueError("no btime")
