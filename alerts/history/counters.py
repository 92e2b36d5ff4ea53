"""The counters of one row over a while: few samples, from which any window's increase is read."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

SAMPLES = 60
"""A window is kept in at most so many samples, whatever its span."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The increase of each counter of one key over the true seconds between two answers."""

    increase: Mapping[str, float]
    seconds: float
    full: bool
    """Whether the whole window was seen."""
    until: float
    """When it will be full (unix seconds)."""


@dataclass(slots=True)
class CounterWindow:
    """Samples of one key's counters; a fall or a new epoch empties it."""

    epoch: object = None
    samples: deque[tuple[float, tuple[float, ...]]] = field(default_factory=deque)
    before: tuple[float, tuple[float, ...]] | None = None
    """The answer before the newest, which thinning may have taken out of the samples."""

    def add(self, at: float, values: tuple[float, ...], epoch: object, span: float) -> None:
        newest = self.samples[-1] if self.samples else None
        if newest and (
            epoch != self.epoch or any(v < w for v, w in zip(values, newest[1], strict=True))
        ):
            self.samples.clear()
            newest = None
        self.epoch, self.before = epoch, newest
        if len(self.samples) > 1 and at - self.samples[-2][0] < span / SAMPLES:
            self.samples.pop()
        self.samples.append((at, values))
        while len(self.samples) > 2 and self.samples[1][0] <= at - span:
            self.samples.popleft()

    def over(self, names: tuple[str, ...], window: float, now: float) -> Delta:
        old_enough = (s for s in reversed(self.samples) if s[0] <= now - window)
        oldest, newest = next(old_enough, self.samples[0]), self.samples[-1]
        full = newest[0] - oldest[0] >= window * 0.95
        return difference(names, oldest, newest, full, oldest[0] + window)


def difference(
    names: tuple[str, ...],
    old: tuple[float, tuple[float, ...]],
    new: tuple[float, tuple[float, ...]],
    full: bool,
    until: float,
) -> Delta:
    increase = {name: b - a for name, a, b in zip(names, old[1], new[1], strict=True)}
    return Delta(increase, new[0] - old[0], full, until)
