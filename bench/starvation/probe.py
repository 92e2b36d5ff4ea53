"""Watcher of one server without HTTP: writes what it believes, a line of JSON a second.

python -m bench.starvation.probe DSN FILE [remote] [busy] [quick]
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from alerts.history.memory import Memory
from monitor.clock import Clock
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.watch_plan import plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.postgres.backend_process import BackendProcess
from monitor.scheduler import Schedule

QUICK = {"paces.normal": "2s", "paces.table": "3s", "paces.slow": "4s", "paces.daily": "5s"}
QUICK |= {"budget": "0.05"}
"""Paces with which every query is known after half a minute."""
EVERY = 1.0
BLOCKED = 0.13
"""Seconds for which a busy daemon blocks its own loop, and of rest between two times."""


async def watch(dsn: str, file: Path, is_busy: bool) -> None:
    """Write until killed."""
    clock = Clock()
    schedule = Schedule(clock)
    fleet = Fleet(clock, Memory(), Store(), schedule)
    schedule.start()
    flags = {"dsn": dsn, "server_name": "it"} | (QUICK if "quick" in sys.argv else {})
    await fleet.follow(plans(load(flags, {}, settings_type()), {}))
    written = 0.0
    with file.open("a") as out:
        while True:
            if is_busy:
                block(BLOCKED)
            await asyncio.sleep(BLOCKED)
            if time.monotonic() - written >= EVERY:
                written = time.monotonic()
                print(json.dumps(believed(fleet)), file=out, flush=True)


def believed(fleet: Fleet) -> dict[str, float | bool | None]:
    """Return what the watcher knows of itself and of its work."""
    shares, server = fleet.heart.shares, fleet.servers["it"]
    return {
        "foreign": shares.foreign,
        "late": shares.late,
        "run_delay": shares.run_delay,
        "run": shares.run,
        "throttled": shares.throttled,
        "starved": shares.is_starved,
        "disturbed": shares.is_disturbed,
        "overloaded": shares.is_overloaded,
        "work": server.round_log.work,
        "elapsed": server.round_log.elapsed,
        "left_out": server.round_log.rounds_left_out,
        **{lane.value: stretch for lane, stretch in server.pacing.stretches().items()},
    }


def block(seconds: float) -> None:
    """Block the event loop."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


if __name__ == "__main__":
    if "remote" in sys.argv:
        # As for a server on another host: its processes are not ours to see.
        BackendProcess.find = lambda *_: None  # type: ignore[method-assign]
    asyncio.run(watch(sys.argv[1], Path(sys.argv[2]), "busy" in sys.argv))
