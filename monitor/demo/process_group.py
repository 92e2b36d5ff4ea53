"""Process group of a server: the postmaster and its children, which are signalled as one."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 30.0
"""Seconds within which killed processes are gone."""


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """The processes of one start of a server."""

    postmaster: subprocess.Popen[bytes]

    @property
    def running(self) -> bool:
        return self.postmaster.poll() is None

    def freeze(self) -> None:
        """Send SIGSTOP to every process: the kernel accepts connections, but nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def stop(self, number: signal.Signals, seconds: float) -> None:
        """Send the postmaster that signal, also a frozen one; after `seconds`, kill all."""
        if not self.running:
            return
        self.thaw()
        self.postmaster.send_signal(number)
        try:
            self.postmaster.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL to every process, as after a power failure or by the OOM killer."""
        members = self._members()
        self._signal_all(signal.SIGKILL)
        self.postmaster.wait(PATIENCE)
        # A start is refused while a child still has the shared memory.
        deadline = time.monotonic() + PATIENCE
        while any(_alive(pid) for pid in members) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self._members():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _members(self) -> list[int]:
        if not self.running:
            return []
        pid = self.postmaster.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def _alive(pid: int) -> bool:
    """Return False for a zombie too: it holds no resources, and a container may never reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
