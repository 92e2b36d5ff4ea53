"""Baseline: what a call of a statement usually costs, from its earlier windows."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from statistics import median

from alerts.plans.cost import METRICS, PerCall, factor, scaled

KEPT = 24
"""Windows that make up a baseline."""
WIDTH = len(PerCall._fields)
NORMAL = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""
FLOOR = 0.1
"""The least deviation that is assumed, in logarithms: a tenth more or less means nothing."""


class Windows:
    """The last windows of a statement, packed: there are hundreds of statements."""

    __slots__ = ("packed",)

    def __init__(self, windows: Sequence[PerCall] = ()) -> None:
        self.packed = array("f")
        for window in windows:
            self.add(window)

    def add(self, window: PerCall) -> None:
        self.packed.extend(window)
        del self.packed[: max(0, len(self.packed) - KEPT * WIDTH)]

    def __len__(self) -> int:
        return len(self.packed) // WIDTH

    def __iter__(self) -> Iterator[PerCall]:
        for first in range(0, len(self.packed), WIDTH):
            yield PerCall(*self.packed[first : first + WIDTH])


@dataclass(frozen=True, slots=True)
class Usual:
    """One number of a statement: its median, its deviation in logarithms, and its extremes."""

    middle: float
    deviation: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """The usual cost of a call."""

    call: PerCall
    """The median of each number."""
    windows: int
    usual: dict[str, Usual]

    @classmethod
    def of(cls, windows: Sequence[PerCall]) -> "Baseline":
        """Return the baseline of at least one window."""
        call = PerCall(*(median(values) for values in zip(*windows, strict=True)))
        usual = {name: _usual(name, [getattr(w, name) for w in windows]) for name in METRICS}
        return cls(call, len(windows), usual)

    def times(self, metric: str, now: PerCall) -> float:
        """Return how many times the usual amount it is now."""
        return factor(metric, self.usual[metric].middle, getattr(now, metric))

    def score(self, metric: str, now: PerCall) -> float:
        """Return by how many usual deviations it is above (or below) the usual amount."""
        own = self.usual[metric]
        return (scaled(metric, getattr(now, metric)) - scaled(metric, own.middle)) / own.deviation

    def is_beyond(self, metric: str, now: PerCall, times: float) -> bool:
        """Whether it is that many times the usual amount, and was never near that before."""
        own, value = self.usual[metric], getattr(now, metric)
        margin = times**0.5
        return (
            factor(metric, own.middle, value) >= times
            and self.score(metric, now) >= SCORE
            and factor(metric, own.most, value) >= margin
        )

    def is_below(self, metric: str, now: PerCall, times: float) -> bool:
        """Whether it is that many times less than usual, and was never near that before."""
        own, value = self.usual[metric], getattr(now, metric)
        margin = times**0.5
        return (
            factor(metric, value, own.middle) >= times
            and -self.score(metric, now) >= SCORE
            and factor(metric, value, own.least) >= margin
        )


SCORE = 6.0
"""Usual deviations from which a difference is no chance."""


def _usual(metric: str, values: Sequence[float]) -> Usual:
    logs = [scaled(metric, value) for value in values]
    middle = median(logs)
    spread = NORMAL * median(abs(one - middle) for one in logs)
    few = log(2.0) / len(values)  # the fewer windows, the less is known of their spread
    return Usual(median(values), max(FLOOR, spread) + few, min(values), max(values))
