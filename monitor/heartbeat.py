"""Heartbeat: measures how late the event loop runs, and whether that is our own doing.

A loop that is late cannot tell a server that is silent from an answer that it has not read yet.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.cpu_time import NS, CpuTime, cpu_time

BEAT = 0.1
"""Seconds between two beats."""
WINDOW = 10.0
"""Seconds over which lateness is summed up."""
LATE = 0.001
"""Seconds of lateness that every loop has."""
DISTURBED_FOREIGN, DISTURBED_DELAY = 0.005, 0.02
"""Shares of the window from which on answers may be late because of us."""
STARVED_FOREIGN, STARVED_DELAY = 0.03, 0.10
"""Shares of the window from which on we are short of CPU."""
UNSETTLED = 1.0
"""Seconds after a late beat in which silence is not held against a server."""
BLAMELESS = 0.005
"""Lateness in seconds below which an answer has not waited for us."""
SAME_TURN = 0.01
"""Seconds between a beat and an answer that the loop read as soon as it was running again."""
NOTABLE = 0.1
"""Lateness in seconds that makes a beat late."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the window; None where the system does not tell."""

    foreign: float = 0.0
    """The loop was late, although this process did not use the CPU."""
    late: float = 0.0
    """The loop was late for whatever reason."""
    run: float | None = None
    run_delay: float | None = None
    """The loop's thread waited for a core."""
    throttled: float | None = None

    @property
    def is_disturbed(self) -> bool:
        delay, run = self.run_delay or 0.0, self.run or 0.0
        return self.foreign >= DISTURBED_FOREIGN or (delay >= DISTURBED_DELAY and delay >= run)

    @property
    def is_starved(self) -> bool:
        return self.foreign >= STARVED_FOREIGN or (self.run_delay or 0.0) >= STARVED_DELAY

    @property
    def is_overloaded(self) -> bool:
        """Whether the loop is late because of our own work."""
        return not self.is_starved and self.late - self.foreign >= STARVED_FOREIGN


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat. Times are monotonic seconds."""

    at: float
    late: float
    foreign: float


@dataclass(slots=True)
class Heartbeat:
    """The heartbeat of one event loop; without `start` it never beats, and nothing is late."""

    beats: deque[Beat] = field(default_factory=deque)
    times: deque[tuple[float, CpuTime]] = field(default_factory=deque)
    """Monotonic time of each reading."""
    shares: Shares = field(default_factory=Shares)
    starved_since: float | None = None
    """Monotonic time since when it is starved."""
    overloaded_since: float | None = None
    """Monotonic time since when it is overloaded."""
    now: Callable[[], float] = time.monotonic
    used: Callable[[], float] = time.process_time
    read: Callable[[], CpuTime] = cpu_time
    _due: float = 0.0
    _used: float = 0.0
    _late_at: float = float("-inf")
    _late: int = 0
    """Nanoseconds by which the beats of the window were late, added up as they come and go."""
    _foreign: int = 0
    _task: "asyncio.Task[None] | None" = None

    def start(self) -> None:
        """Beat in the running loop from now on."""
        if self._task is None:
            self._due, self._used = self.now() + BEAT, self.used()
            self._task = asyncio.get_running_loop().create_task(self._beat(), name="heartbeat")

    def stop(self) -> None:
        if self._task:
            self._task.cancel()
            self._task = None

    @property
    def is_starved(self) -> bool:
        return self.starved_since is not None

    @property
    def starved_seconds(self) -> float | None:
        """Seconds since when it is starved; None: it is not."""
        return self._since(self.starved_since)

    @property
    def overloaded_seconds(self) -> float | None:
        """Seconds since when its own work is too much; None: it is not."""
        return self._since(self.overloaded_since)

    def _since(self, begun: float | None) -> float | None:
        return None if begun is None else self.now() - begun

    @property
    def is_unsettled(self) -> bool:
        """Whether answers may have come that the loop has had no time to read."""
        now = self.now()
        return now - self._late_at < UNSETTLED or (self._task is not None and self.lateness > 0)

    @property
    def lateness(self) -> float:
        """Seconds by which the beat that is due now is late; 0 where that is not notable."""
        late = self.now() - self._due if self._task else 0.0
        return late if late > NOTABLE else 0.0

    def lateness_at(self, answered: float) -> float:
        """Seconds by which the beat that was due when an answer came is late, or came late.

        What came while the loop stood still is read as late as that beat.
        """
        if self._task is None:
            return 0.0
        late = answered - self._due
        if late < 0 and self.beats and answered - self.beats[-1].at < SAME_TURN:
            late = self.beats[-1].late
        return late if late >= BLAMELESS else 0.0

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, self._due - self.now()))
            self.take(self.now())

    def take(self, at: float) -> None:
        """Note a beat that came at that time."""
        late = max(0.0, at - self._due)
        used = self.used()
        foreign = max(0.0, late - LATE - (used - self._used))
        self._used, self._due = used, at + BEAT
        if late > NOTABLE:
            self._late_at = at
        self.beats.append(Beat(at, late, foreign))
        self._count(self.beats[-1], 1)
        if not self.times or at - self.times[-1][0] >= 1.0:
            self.times.append((at, self.read()))
        self._sum_up(at)

    def _count(self, beat: Beat, times: int) -> None:
        self._late += times * round(beat.late / NS)
        self._foreign += times * round(beat.foreign / NS)

    def _sum_up(self, now: float) -> None:
        while now - self.beats[0].at > WINDOW:
            self._count(self.beats.popleft(), -1)
        while len(self.times) > 1 and now - self.times[0][0] > WINDOW + 1:
            self.times.popleft()
        (begin, first), (end, last) = self.times[0], self.times[-1]
        elapsed = max(WINDOW, end - begin)
        self.shares = Shares(
            foreign=self._foreign * NS / WINDOW,
            late=self._late * NS / WINDOW,
            run=_share(first.run, last.run, elapsed),
            run_delay=_share(first.run_delay, last.run_delay, elapsed),
            throttled=_share(first.throttled, last.throttled, elapsed),
        )
        self.starved_since = _lasting(self.shares.is_starved, self.starved_since, now)
        self.overloaded_since = _lasting(self.shares.is_overloaded, self.overloaded_since, now)


def _lasting(holds: bool, since: float | None, now: float) -> float | None:
    """Return since when a state holds."""
    if not holds:
        return None
    return now if since is None else since


def _share(first: float | None, last: float | None, elapsed: float) -> float | None:
    return None if first is None or last is None else max(0.0, last - first) / elapsed
