"""The heartbeat: late by others, late by ourselves, and on time."""

import asyncio
import time
from dataclasses import dataclass, field

from monitor.cpu_time import CpuTime, cpu_time, schedstat
from monitor.heartbeat import BEAT, Heartbeat, Shares
from tests.fixtures.until import until


@dataclass
class Machine:
    """Its times are moved by hand."""

    now: float = 0.0
    used: float = 0.0
    delay: float = 0.0
    heart: Heartbeat = field(init=False)

    def __post_init__(self) -> None:
        self.heart = Heartbeat(
            now=lambda: self.now,
            used=lambda: self.used,
            read=lambda: CpuTime(self.used, self.delay, 0.0),
        )
        self.heart._due = BEAT

    def beat(self, late: float = 0.0, used: float = 0.001, delay: float = 0.0) -> None:
        self.now += BEAT + late
        self.used += used
        self.delay += delay
        self.heart.take(self.now)

    def run(self, beats: int, **each: float) -> Heartbeat:
        for _ in range(beats):
            self.beat(**each)
        return self.heart


def test_a_loop_on_time_is_well() -> None:
    """A millisecond of lateness is what every loop has."""
    heart = Machine().run(200, late=0.0009)
    assert heart.starved_seconds is None
    assert not heart.shares.is_disturbed
    assert not heart.is_unsettled


def test_a_loop_that_others_make_late_is_starved() -> None:
    """The process did not use the CPU in that time; it is over when it has left the window."""
    machine = Machine()
    machine.run(100)
    machine.run(5, late=0.2)
    assert machine.heart.shares.is_starved
    unsettled = machine.heart.is_unsettled
    assert unsettled
    assert not machine.run(12).is_unsettled
    since = machine.heart.starved_seconds
    assert since is not None
    assert since > 1
    assert not machine.run(100).is_starved


def test_a_loop_that_is_busy_by_itself_is_overloaded_not_starved() -> None:
    """A long callback, or a thread of ours that holds the interpreter."""
    machine = Machine()
    heart = machine.run(100, late=0.05, used=0.15)
    assert heart.shares.is_overloaded
    assert not heart.shares.is_starved
    assert heart.starved_seconds is None
    assert (heart.overloaded_seconds or 0.0) > 5
    assert machine.run(120).overloaded_seconds is None


def test_a_thread_that_waits_for_a_core_is_starved() -> None:
    """As the scheduler tells, even while beats come in time."""
    assert Machine().run(120, delay=0.011).shares.is_starved
    assert Machine().run(120, delay=0.003).shares.is_disturbed
    assert not Machine().run(120, delay=0.001).shares.is_disturbed


def test_what_the_system_does_not_tell_is_unknown() -> None:
    """Not zero: another system has no schedstat."""
    assert schedstat("/nonexistent") == (None, None)
    assert Shares().run_delay is None
    assert not Shares().is_starved


def test_times_of_this_thread_are_read() -> None:
    """Where there is a /proc."""
    before = cpu_time()
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        pass
    after = cpu_time()
    if before.run is not None:
        assert after.run is not None
        assert after.run - before.run > 0.03


def stop(seconds: float) -> None:
    """Nothing of the loop runs, as in a process that is stopped."""
    time.sleep(seconds)


async def test_it_beats_in_a_loop_until_it_is_stopped() -> None:
    """And one that was never started is never late."""
    heart = Heartbeat()
    assert (heart.lateness, heart.is_unsettled, heart.is_starved) == (0.0, False, False)
    heart.start()

    async def beats() -> bool:
        return len(heart.beats) >= 3

    await until(beats, "it beats")
    stop(0.3)
    assert heart.lateness > 0.1
    heart.stop()
    before = len(heart.beats)
    await asyncio.sleep(2 * BEAT)
    assert len(heart.beats) <= before + 1
