"""Conditions of a machine: each disturbs a process, or its link, until it is left."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.starvation.link import Link

SHARE, PERIOD = 0.1, 0.3
"""Share of the time for which a process may run, and seconds of one turn."""
CGROUP = Path("/sys/fs/cgroup/cpu")
Disturb = Callable[[int], AbstractContextManager[None]]
"""Disturbs a process by its pid."""


@contextmanager
def hogs(count: int, _: int) -> Iterator[None]:
    """Run processes that take all CPU time that they get."""
    argv = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(argv) for _ in range(count)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop and continue a process, as a CPU limit does."""
    over = threading.Event()

    def throttle() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(PERIOD * (1 - SHARE))
            os.kill(pid, signal.SIGCONT)
            time.sleep(PERIOD * SHARE)

    thread = threading.Thread(target=throttle)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def limited(pid: int) -> Iterator[None]:
    """Limit the process to a hundredth of a core, where a cgroup may be made (version 1)."""
    group = CGROUP / f"pgvigil-bench-{pid}"
    group.mkdir()
    try:
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text("1000")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        (CGROUP / "cgroup.procs").write_text(str(pid))
        group.rmdir()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `is_starved` is what the daemon should say."""

    title: str
    disturb: Disturb = lambda _: nullcontext()
    is_starved: bool = False
    is_overloaded: bool = False
    link: Link | None = None
    is_busy: bool = False
    """Whether the daemon blocks its own loop half of the time."""


CONDITIONS = {
    "quiet": Condition("nothing else"),
    "hogs8": Condition("8 busy loops", partial(hogs, 8), is_starved=True),
    "hogs30": Condition("30 busy loops", partial(hogs, 30), is_starved=True),
    "stopped": Condition("stopped 90 % of the time", stopped, is_starved=True),
    "cgroup": Condition("a CPU limit of 0.01", limited, is_starved=True),
    "busy": Condition("busy by itself", is_overloaded=True, is_busy=True),
    "delay": Condition("150 ms a packet", link=Link(delay=0.15)),
    "drip": Condition("a link of 64 kB/s", link=Link(rate=64_000)),
}
