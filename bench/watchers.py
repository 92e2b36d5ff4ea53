"""Watchers: the two compared programs, how to start them, and how to scrape them."""

import glob
import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.scenarios import Scenario
from monitor.demo.launcher import Postgres, free_port

NAMES = ("postgres_exporter", "prometheus-postgres-exporter")
CHROOTS = "/srv/*/usr/bin/prometheus-postgres-exporter"
PATIENCE = 60.0
"""Seconds to wait for a program's first page."""


class BenchError(Exception):
    """A watcher can't be measured; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """A running program that watches a server, and serves metrics."""

    name: str
    role: str
    process: "subprocess.Popen[bytes]"
    port: int
    stalls: Path | None = None
    """File of its stall probe; None without a probe."""

    def page(self, path: str = "/metrics") -> tuple[float, bytes]:
        """Return the seconds at the client, and the page, without gzip, on a new connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            start = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            seconds = time.perf_counter() - start
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchError(f"{self.name} answered {answer.status} to {path}.")
        return seconds, body


@contextmanager
def pgvigil(server: Postgres, scenario: Scenario, folder: Path) -> Iterator[Watcher]:
    """Start pgvigil with default settings, but for the flags of the scenario."""
    port, stalls = free_port(), folder / "stalls.json" if scenario.probed else None
    program = ["-m", "bench.stalls", str(stalls)] if stalls else ["-m", "monitor"]
    flags = ["--dsn", server.dsn("shop", "pgvigil"), "--listen", f"127.0.0.1:{port}"]
    argv = [sys.executable, *program, "run", *flags, *scenario.flags]
    with running(argv, folder / "pgvigil.log", {}) as process:
        watcher = Watcher("pgvigil", "pgvigil", process, port, stalls)
        wait_for(watcher, "/readyz", folder / "pgvigil.log")
        yield watcher


@contextmanager
def postgres_exporter(server: Postgres, program: str, folder: Path) -> Iterator[Watcher]:
    """Start postgres_exporter with default flags, on the database with the tables."""
    port = free_port()
    environ = {"DATA_SOURCE_NAME": server.dsn("shop", "postgres_exporter")}
    argv = [program, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with running(argv, folder / "peer.log", environ) as process:
        watcher = Watcher(
            f"postgres_exporter {version_of(program)}", "postgres_exporter", process, port
        )
        wait_for(watcher, "/", folder / "peer.log")
        yield watcher


def find_peer(named: str | None) -> str:
    """Return the given program, otherwise the newest on the path or in a chroot below /srv."""
    found = [named] if named else [*filter(None, map(shutil.which, NAMES)), *glob.glob(CHROOTS)]
    usable = [program for program in found if os.access(program, os.X_OK)]
    if not usable:
        raise BenchError(
            "There is no postgres_exporter to compare with: apt-get install"
            " prometheus-postgres-exporter, name one with --peer, or say --alone."
        )
    return max(usable, key=lambda program: [int(part) for part in version_of(program).split(".")])


def version_of(program: str) -> str:
    """Return its version, such as 0.19.1."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    words = (said.stdout + said.stderr).split()
    return words[words.index("version") + 1] if "version" in words else "0"


@contextmanager
def running(
    argv: Sequence[str], log: Path, environ: dict[str, str]
) -> "Iterator[subprocess.Popen[bytes]]":
    with log.open("ab") as sink:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**_neutral(), **environ},
            cwd=Path(__file__).parents[1],
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _neutral() -> dict[str, str]:
    """Return the environment without variables that configure one of the programs."""
    ours = ("PG", "POSTGRES", "DATA_SOURCE", "DATABASE_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def wait_for(watcher: Watcher, path: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            watcher.page(path)
            return
        except (OSError, BenchError):
            if watcher.process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace").splitlines() or ["it left no word"]
                raise BenchError(f"{watcher.name} did not start: {words[-1]}") from None
            time.sleep(0.1)
