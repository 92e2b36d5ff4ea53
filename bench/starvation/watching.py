"""Process that watches a server: what it believes, and the CPU time of its sessions there."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bench.processes import cpu_seconds
from bench.starvation.conditions import Condition
from bench.starvation.link import Link
from monitor.demo.launcher import Postgres

LOOK = 0.03
"""Seconds between two looks at the sessions; those of walks are short."""


@dataclass(slots=True)
class Watching:
    """The process of one watcher, which has a role of its own on the server."""

    postmaster: int
    role: str
    pid: int
    file: Path
    cpu: dict[int, float] = field(default_factory=dict)
    """CPU seconds of each of its sessions, also of those that have ended, by pid."""
    _cpu_before: float = 0.0
    _lines_before: int = 1

    def look(self) -> None:
        """Read the CPU times of the sessions that there are."""
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children")
        for pid in map(int, children.read_text().split()):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split()
                if self.role.encode() in words:
                    self.cpu[pid] = cpu_seconds(pid)
            except OSError:
                continue  # it has just ended

    def begin(self) -> None:
        """Measure from now on."""
        self._cpu_before = sum(self.cpu.values())
        self._lines_before = len(self._lines())

    @property
    def truth(self) -> float:
        """Return the seconds of CPU time since the measurement began."""
        return sum(self.cpu.values()) - self._cpu_before

    @property
    def believed(self) -> list[dict[str, float]]:
        """Return what it said since then; the first was said just before."""
        return [json.loads(line) for line in self._lines()[self._lines_before - 1 :]]

    def _lines(self) -> list[str]:
        return self.file.read_text().splitlines()


def wait(seconds: float, *watching: Watching) -> None:
    """Look at the sessions of all for that long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for one in watching:
            one.look()
        time.sleep(LOOK)


@contextmanager
def watcher(
    server: Postgres, database: str, role: str, condition: Condition, *words: str
) -> Iterator[Watching]:
    """Start a watcher, with these words for its probe."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        address(server, database, role, condition.link) as dsn,
    ):
        file = Path(folder) / "believed"
        file.touch()
        argv = [sys.executable, "-m", "bench.starvation.probe", dsn, str(file), *words]
        program = subprocess.Popen([*argv, *(["busy"] if condition.is_busy else [])])
        try:
            yield Watching(server.pid, role, program.pid, file)
        finally:
            program.kill()
            program.wait()


@contextmanager
def address(server: Postgres, database: str, role: str, link: Link | None) -> Iterator[str]:
    """Return the address of a server, through a link if there is one."""
    if link is None:
        yield server.dsn(database, role)
        return
    socket = f"{server.folder}/.s.PGSQL.{server.port}"
    argv = [sys.executable, "-m", "bench.starvation.link", socket, str(link.delay), str(link.rate)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"postgresql://{quote(role)}@127.0.0.1:{port}/{database}?sslmode=disable"
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
