"""Samples: numbers over hours, days and a year, kept in RAM for two hours and in a file for long.

A series has samples of three steps: minutes, hours and days. The finer one becomes the coarser one
where it ends; `alerts/runway/trends.py` does that.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

MINUTE, HOUR, DAY = 60, 3600, 86_400
STEPS: Mapping[int, float] = {MINUTE: 2 * HOUR, HOUR: 15 * DAY, DAY: 400 * DAY}
"""How long samples of each step are kept, in seconds."""
AT_MOST = 300
"""Series of one server."""
FORGOTTEN = 1 * DAY
"""Seconds without a sample after which a series gives its place to another."""


class Series(NamedTuple):
    """The name of one series; a new epoch is a new series, since its numbers began anew."""

    place: tuple[str, str, str]
    """As a Namespace: the cluster, the server's name, the room."""
    key: str
    epoch: str


class Sample(NamedTuple):
    at: float
    """Unix seconds."""
    value: float


class NewSample(NamedTuple):
    """A sample on its way to the file."""

    series: Series
    step: int
    at: float
    value: float


Read = Callable[[Series, int, float], Sequence[Sample]]
"""Reads samples of a step since a time from the file, the oldest first."""


class Samples:
    """Samples by series. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.read_file: Read | None = None
        """None where there is no file: then nothing is remembered for longer than two hours."""
        self._lock = Lock()
        self._minutes: dict[Series, deque[Sample]] = {}
        self._waiting: list[NewSample] = []

    @property
    def has_file(self) -> bool:
        return self.read_file is not None

    def add(self, series: Series, step: int, at: float, value: float) -> bool:
        """Keep a sample; False where the server has too many series already."""
        with self._lock:
            if series not in self._minutes and not self._has_place(series.place, at):
                return False
            minutes = self._minutes.setdefault(series, deque(maxlen=int(STEPS[MINUTE] / MINUTE)))
            if step == MINUTE:
                minutes.append(Sample(at, value))
            if self.read_file is not None:
                self._waiting.append(NewSample(series, step, at, value))
        return True

    def read(self, series: Series, step: int, since: float) -> list[Sample]:
        """Return samples of a step since a time, the oldest first.

        Must not be called in the event loop: it reads the file.
        """
        stored = self.read_file(series, step, since) if self.read_file else ()
        with self._lock:
            new = [Sample(n.at, n.value) for n in self._waiting if n[:2] == (series, step)]
            if step == MINUTE:
                new += self._minutes.get(series, ())
        merged = {sample.at: sample for sample in (*stored, *new) if sample.at >= since}
        return [merged[at] for at in sorted(merged)]

    def take_new(self) -> list[NewSample]:
        """Hand over what is not in the file yet."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting

    def give_back(self, samples: Iterable[NewSample]) -> None:
        """Keep what was handed over in vain, as long as it is of use."""
        with self._lock:
            self._waiting = [*samples, *self._waiting][-10 * AT_MOST :]

    def _has_place(self, place: tuple[str, str, str], at: float) -> bool:
        """Whether one more series of that server may begin; with the lock held."""
        own = [s for s in self._minutes if s.place[:2] == place[:2]]
        if len(own) < AT_MOST:
            return True
        old = [s for s in own if self._minutes[s] and at - self._minutes[s][-1].at > FORGOTTEN]
        for series in old:
            del self._minutes[series]
        return bool(old)
