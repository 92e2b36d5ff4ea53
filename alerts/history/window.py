"""Counter windows: few samples of each row's counters, from which increases are computed."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter, lt
from typing import NamedTuple

from alerts.history.keys import Key, keys_of
from alerts.history.kind import AnyHistory, History
from alerts.history.memory import Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column

SAMPLES = 60
"""A window is kept in at most this number of samples, whatever its span."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The increase of each counter of one key over the true seconds between two answers."""

    increase: Mapping[str, float]
    seconds: float
    full: bool
    """Whether the whole window was seen."""
    until: float
    """When it will be full (unix seconds)."""


class Sample(NamedTuple):
    at: float
    values: tuple[float, ...]


class CounterWindow(NamedTuple):
    """Samples of one key's counters."""

    epoch: object
    samples: tuple[Sample, ...]
    before: Sample | None = None
    """The answer before the newest, which thinning may have taken out of the samples."""

    def after(self, sample: Sample, epoch: object, span: float) -> "CounterWindow":
        """Return the window with one more sample; a fall or a new epoch empties it."""
        samples, newest = self.samples, self.samples[-1]
        if epoch != self.epoch or any(map(lt, sample.values, newest.values)):
            return CounterWindow(epoch, (sample,))
        if len(samples) > 1 and sample.at - samples[-2].at < span / SAMPLES:
            samples = samples[:-1]
        first, last = 0, len(samples) - 1
        while first < last and samples[first + 1].at <= sample.at - span:
            first += 1
        kept = samples[first:] if first else samples
        return CounterWindow(epoch, kept + (sample,), newest)  # noqa: RUF005 (this copies once)

    def over(self, names: tuple[str, ...], window: float, now: float) -> Delta:
        older = bisect_right(self.samples, now - window, key=itemgetter(0))
        oldest, newest = self.samples[max(0, older - 1)], self.samples[-1]
        full = newest.at - oldest.at >= window * 0.95
        return _difference(names, oldest, newest, full, oldest.at + window)

    def step(self, names: tuple[str, ...]) -> Delta | None:
        newest = self.samples[-1]
        return _difference(names, self.before, newest, True, newest.at) if self.before else None


def _difference(
    names: tuple[str, ...], old: Sample, new: Sample, full: bool, until: float
) -> Delta:
    increase = {name: b - a for name, a, b in zip(names, old.values, new.values, strict=True)}
    return Delta(increase, new.at - old.at, full, until)


@dataclass(frozen=True, slots=True)
class Increases:
    """Growth of counters, per key; a key that came, restarted or was not read is not there."""

    names: tuple[str, ...]
    windows: Mapping[Key, CounterWindow]
    now: float

    def delta(self, window: timedelta) -> dict[Key, Delta]:
        """Within the window, and whether it was full."""
        seconds = window.total_seconds()
        return {key: own.over(self.names, seconds, self.now) for key, own in self.windows.items()}

    def step(self) -> dict[Key, Delta]:
        """Between the last two answers."""
        steps = ((key, own.step(self.names)) for key, own in self.windows.items())
        return {key: step for key, step in steps if step}


@dataclass(frozen=True, slots=True)
class Window(History[Increases]):
    """The counters of a collector, over windows up to this span."""

    collector: AnyCollector
    span: timedelta
    columns: tuple[str, ...] = ()
    """Only these attributes; empty: the collector's counters. A row is left out while one of them
    is None."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (self.collector,)

    def covers(self, other: AnyHistory) -> bool:
        """One set of samples serves all windows of a collector's same columns."""
        if not isinstance(other, Window) or other.columns != self.columns:
            return False
        return other.collector is self.collector and other.span <= self.span

    def recorder(self, memory: Memory, namespace: Namespace) -> "WindowRecorder":
        names = self.columns or self.collector.counters
        return WindowRecorder(names, self.span.total_seconds())


class WindowRecorder:
    """Keeps a window of each key; a key that is gone is forgotten."""

    def __init__(self, names: tuple[str, ...], span: float) -> None:
        self.names = names
        self.span = span
        self.windows: Mapping[Key, CounterWindow] = {}

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        windows: dict[Key, CounterWindow] = {}
        counters = [column(answer.rows, name) for name in self.names]
        for key, epoch, *values in zip(*keys_of(collector, answer), *counters, strict=True):
            if None not in values:
                sample, known = Sample(answer.at, tuple(values)), self.windows.get(key)
                windows[key] = (
                    known.after(sample, epoch, self.span)
                    if known
                    else CounterWindow(epoch, (sample,))
                )
        self.windows = windows

    def restart(self) -> None:
        self.windows = {}

    def view(self, at: float) -> Increases:
        return Increases(self.names, self.windows, at)
