"""Measurement inside a tree: prints it as JSON. Run it with the tree as the current folder."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from alerts._catalogue import all_findings
from alerts.history.memory import Memory
from alerts.prometheus.rulebook import rulebook
from bench.processes import cpu_seconds, resident_bytes
from bench.scenarios import ROLES, SCENARIOS, built, crowd, session
from bench.watchers import Watcher, pgvigil
from collectors._base import Scope
from collectors._catalogue import all_collectors
from collectors.activity import activity
from monitor.clock import Clock
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.watch_plan import plans
from monitor.demo.launcher import Postgres
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.postgres.role_sql import needed

STARTS = 5
IDLE = 45.0
"""Seconds that a server is watched; all lanes are asked at least once within 10."""
SCRAPE = 5.0
SESSIONS = 20
JUDGEMENTS = 300
PARSER = "postgast"
"""A parser of SQL, as a finding may load it."""


@dataclass(frozen=True, slots=True)
class Breadth:
    """Measurement of one tree. Times are seconds, sizes bytes."""

    findings: int
    collectors: int
    start_seconds: float
    start_resident: int
    idle_resident: int
    idle_peak: int
    parser_resident: int
    """What a loaded parser adds."""
    cpu_seconds: float
    """CPU time of the daemon a minute, with one idle server, its start left out."""
    judge_seconds: float
    own_lines: int
    ill: int
    """Number of findings of the server that were ill; all is well only if there are none."""
    rules_bytes: int


def measured() -> Breadth:
    starts = [_started() for _ in range(STARTS)]
    resident = median(int(start["resident"]) for start in starts)
    parsed = median(int(_started(PARSER)["resident"]) for _ in range(STARTS))
    with built(SCENARIOS["idle"]) as server:
        asyncio.run(_granted(server))
        memory, cpu, page = _watched(server)
        judging = asyncio.run(_judging(server))
    return Breadth(
        findings=len(all_findings()),
        collectors=len(all_collectors()),
        start_seconds=min(start["seconds"] for start in starts),
        start_resident=int(resident),
        idle_resident=memory[0],
        idle_peak=memory[1],
        parser_resident=int(parsed - resident),
        cpu_seconds=cpu,
        judge_seconds=judging,
        own_lines=len(of_server(page)),
        ill=sum('state="ill"' in line for line in of_server(page)),
        rules_bytes=len(rulebook().encode()),
    )


def of_server(page: bytes) -> list[str]:
    """Return the samples that pgvigil makes about the server, and not about itself.

    On a busy machine pgvigil is ill itself: it tells that it is short of CPU.
    """
    return [
        line
        for line in page.decode().splitlines()
        if line.startswith("pgvigil_") and 'server="' in line and 'server="pgvigil' not in line
    ]


async def _granted(server: Postgres) -> None:
    """Grant what `pgvigil setup-sql` does in each database, so that all can be judged."""
    for database in ("postgres", "shop"):
        async with session(server, database) as admin:
            for capability in needed(Scope.database):
                await admin.execute(capability.grant.replace("{role}", ROLES[0]))


def _started(*modules: str) -> dict[str, float]:
    argv = [sys.executable, "-m", "bench.breadth.startup", *modules]
    said = subprocess.run(argv, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(said.stdout)
    return found


def _watched(server: Postgres) -> tuple[tuple[int, int], float, bytes]:
    """Watch an idle server, and return memory, CPU time a minute, and the last page."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        pgvigil(server, SCENARIOS["idle"], Path(folder)) as watcher,
    ):
        pid, page = watcher.process.pid, b""
        _scraped_for(IDLE / 3, watcher)
        began, cpu = time.monotonic(), cpu_seconds(pid)
        page = _scraped_for(IDLE, watcher)
        minutes = (time.monotonic() - began) / 60
        return resident_bytes(pid), (cpu_seconds(pid) - cpu) / minutes, page


def _scraped_for(seconds: float, watcher: Watcher) -> bytes:
    """Scrape at intervals, and return the last page."""
    end, body = time.monotonic() + seconds, b""
    while time.monotonic() < end:
        time.sleep(SCRAPE)
        _, body = watcher.page()
    return body


async def _judging(server: Postgres) -> float:
    """The CPU time of judging what reads `activity`."""
    settings = load({"dsn": server.dsn("shop", "pgvigil")}, {}, settings_type())
    fleet = Fleet(Clock(), Memory(), Store())
    async with crowd(server, SESSIONS):
        await fleet.follow(plans(settings, {}))
        [monitor] = fleet.servers.values()
        try:
            await monitor.look_once()
            await monitor.look_once()
            times = []
            for _ in range(JUDGEMENTS):
                monitor.answers.fresh.add(activity)
                before = time.thread_time()
                monitor.judge()
                times.append(time.thread_time() - before)
                await monitor.judging.settled()
            return median(times)
        finally:
            await fleet.close()


if __name__ == "__main__":
    print(json.dumps(asdict(measured())))
