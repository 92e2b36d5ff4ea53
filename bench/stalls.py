"""Runs pgvigil with a probe that records how long its event loop is blocked.

python -m bench.stalls FILE run --dsn …
"""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

from monitor.cli import main

TICK = 0.005
"""Seconds between two wake-ups; a late wake-up shows a stall."""
EVERY = 1.0
"""Seconds between two writes of the file."""


class Probe:
    """Counter of late wake-ups by their milliseconds. Removing the file resets the counter."""

    def __init__(self, loop: asyncio.AbstractEventLoop, file: Path) -> None:
        self.loop = loop
        self.file = file
        self.late: Counter[int] = Counter()
        self.own: Counter[int] = Counter()
        """The same by the CPU time that the loop itself took since the last wake-up."""
        self.used = time.thread_time()
        self.written = loop.time()
        self.expected = loop.time() + TICK
        loop.call_at(self.expected, self.look)
        self.write()

    def look(self) -> None:
        now = self.loop.time()
        self.late[int((now - self.expected) * 1000)] += 1
        used = time.thread_time()
        self.own[int((used - self.used) * 1000)] += 1
        self.used = used
        if now - self.written >= EVERY:
            self.write()
        self.expected = self.loop.time() + TICK
        self.loop.call_at(self.expected, self.look)

    def write(self) -> None:
        self.written = self.loop.time()
        if self.late and not self.file.exists():
            self.late.clear()
            self.own.clear()
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps([dict(sorted(self.late.items())), dict(self.own)]))
        new.rename(self.file)


class Policy(asyncio.DefaultEventLoopPolicy):
    """Event loop policy that adds a probe to every loop."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        loop.call_soon(Probe, loop, self.file)
        return loop


def worst(file: Path) -> tuple[int, int, int]:
    """Return the longest stall in milliseconds, the number above 20 ms, and all wake-ups."""
    return _worst(json.loads(file.read_text())[0])


def worst_own(file: Path) -> tuple[int, int, int]:
    """The same by the CPU time of the loop's own thread, whatever else the machine does."""
    return _worst(json.loads(file.read_text())[1])


def _worst(counts: dict[str, int]) -> tuple[int, int, int]:
    late = {int(ms): count for ms, count in counts.items()}
    return max(late, default=0), sum(n for ms, n in late.items() if ms > 20), sum(late.values())


if __name__ == "__main__":
    asyncio.set_event_loop_policy(Policy(Path(sys.argv[1])))
    sys.exit(main(sys.argv[2:]))
