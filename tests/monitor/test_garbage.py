"""Garbage collection: everything is collected rarely, and the more rarely the longer it takes."""

import subprocess
import sys
import weakref

import pytest

from monitor.garbage import MOST_OFTEN, RAREST, SHARE, WholeCollection

SETTLED = """
import gc
from monitor.garbage import settle

settle()
class Loop:
    def __init__(self): self.me = self
for _ in range(500_000):
    Loop()
print(gc.get_freeze_count() > 10_000, gc.get_stats()[2]["collections"], len(gc.get_objects()))
"""


class Cycle:
    """Holds itself."""

    def __init__(self) -> None:
        self.me = self


class Clock:
    """Monotonic seconds that pass only when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def dues(took: float) -> float:
    """When the second collection is due after a first one that took `took` seconds."""
    clock, done = Clock(), list[float]()

    def collect() -> None:
        done.append(clock.now)
        clock.now += took

    job = WholeCollection(clock, collect)
    await job()
    assert not done  # nothing to collect at the start
    clock.now = MOST_OFTEN
    await job()
    assert done == [MOST_OFTEN]
    await job()
    assert done == [MOST_OFTEN]
    assert job.due is not None
    return job.due - MOST_OFTEN


async def test_the_longer_it_takes_the_rarer_it_is() -> None:
    """A share of time, between ten minutes and six hours."""
    assert await dues(0.001) == MOST_OFTEN
    assert await dues(0.2) == pytest.approx(0.2 / SHARE)
    assert await dues(10.0) == RAREST


async def test_cycles_are_collected() -> None:
    """It is a real one: a cycle is gone afterwards, and not before."""
    cycle = Cycle()
    seen = weakref.ref(cycle)
    del cycle
    assert seen() is not None
    job = WholeCollection(due=0.0)
    await job()
    assert seen() is None


def test_what_is_young_is_still_collected() -> None:
    """Half a million cycles leave little behind, although no collection was of everything."""
    said = subprocess.run(
        [sys.executable, "-c", SETTLED], capture_output=True, text=True, check=True
    )
    frozen, whole, left = said.stdout.split()
    assert (frozen, whole) == ("True", "1")
    assert int(left) < 150_000
