"""The schedule: rounds come again, none overtakes itself, and no defect or wall clock stops it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor import scheduler
from monitor.clock import Clock
from monitor.scheduler import Schedule
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until


@pytest.fixture
async def schedule() -> AsyncIterator[Schedule]:
    schedule = Schedule(Clock())
    schedule.start()
    yield schedule
    schedule.stop()


async def test_a_broken_round_comes_again(schedule: Schedule) -> None:
    """A defect fails that round only."""
    rounds = 0

    async def broken() -> None:
        nonlocal rounds
        rounds += 1
        raise ZeroDivisionError

    schedule.every("broken", 0.05, broken)

    async def came_again() -> bool:
        return rounds > 2

    await until(came_again, "it comes again")


async def test_a_job_that_is_asked_for_while_it_runs_runs_again(schedule: Schedule) -> None:
    """As a second signal while the first one is obeyed: what it read may be old."""
    begun, gate = 0, asyncio.Event()

    async def reload() -> None:
        nonlocal begun
        begun += 1
        await gate.wait()

    async def began(times: int) -> bool:
        return begun == times

    schedule.once("reload", reload)
    await until(lambda: began(1), "the first began")
    schedule.once("reload", reload)
    await until(lambda: began(2), "the second began")
    gate.set()


@pytest.mark.parametrize("often", [0.0, 1.0])
async def test_a_slow_round_is_not_overtaken(
    schedule: Schedule, often: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one runs no other of its name begins; afterwards one, not all that were due."""
    monkeypatch.setattr(scheduler, "OFTEN", often)
    running = most = begun = 0
    gate = asyncio.Event()

    async def slow() -> None:
        nonlocal running, most, begun
        running, begun = running + 1, begun + 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    other = 0

    async def quick() -> None:
        nonlocal other
        other += 1

    schedule.every("slow", 0.02, slow)
    schedule.every("quick", 0.02, quick)

    async def others_went_on() -> bool:
        return other > 20

    await until(others_went_on, "another job continues")
    assert (begun, most) == (1, 1)
    gate.set()

    async def again() -> bool:
        return begun > 1

    await until(again, "it comes again")
    assert most == 1


# Counts rounds aloud; its wall clock is not its own.
COUNTER = """
import asyncio, sys
from monitor import scheduler
from monitor.clock import Clock
from monitor.scheduler import Schedule

scheduler.OFTEN = float(sys.argv[1])

async def main():
    schedule, rounds = Schedule(Clock()), 0
    async def say():
        nonlocal rounds
        rounds += 1
        print(rounds, flush=True)
    schedule.start()
    schedule.every("say", 0.1, say)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize(("moved", "often"), [("-1h", 0.0), ("+1h", 0.0), ("-1h", 1.0)])
def test_rounds_go_on_after_the_wall_clock_was_set(
    moved: str, often: float, tool: Tool, tmp_path: Path
) -> None:
    """An hour back or forth under a running schedule: rounds go on, by whichever clock."""
    offset = tmp_path / "offset"
    offset.write_text("+0")
    environment = {
        **os.environ,
        "LD_PRELOAD": library(tool("faketime")),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    counter = subprocess.Popen(
        [sys.executable, "-c", COUNTER, str(often)],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert counter.stdout is not None
        [counter.stdout.readline() for _ in range(5)]
        offset.write_text(moved)
        # What was said before it noticed is in the pipe; 40 more need the new time.
        [counter.stdout.readline() for _ in range(40)]
        assert counter.poll() is None
    finally:
        counter.kill()
        counter.communicate()


def library(program: str | Path) -> str:
    """The library that the program `faketime` puts before others; the program fixes one offset."""
    [found] = Path(program).parents[1].glob("lib/*/faketime/libfaketime.so.1")
    return str(found)
