"""Hours of the week: what a call of a statement cost in each of them, packed into a text."""

import time
from array import array
from base64 import b85decode, b85encode
from collections.abc import Iterator, Sequence
from math import exp, log
from statistics import median

from alerts.plans.cost import PerCall

HOURS = 168
WIDTH = len(PerCall._fields)
STEPS = 2000
"""Steps of a natural logarithm: a number is kept to the twentieth of a percent."""
SMALLEST = 1e-6
WEIGHT = 0.5
"""Of the newest week."""


def hour_of(at: float) -> int:
    """Return the hour of the week of a time, in UTC; 0 begins on Monday."""
    moment = time.gmtime(at)
    return moment.tm_wday * 24 + moment.tm_hour


class Week:
    """The median window of each hour of the week; an hour that was never seen has none."""

    __slots__ = ("packed",)

    def __init__(self, packed: "array[int] | None" = None) -> None:
        self.packed = packed or array("H", bytes(2 * HOURS * WIDTH))

    @classmethod
    def unpack(cls, stored: object) -> "Week | None":
        """Read it as it was packed; None of anything else."""
        try:
            data = b85decode(stored.partition(" ")[0]) if isinstance(stored, str) else b""
        except ValueError:
            return None
        if len(data) != 2 * HOURS * WIDTH:
            return None
        return cls(array("H", data))

    def pack(self, at: float) -> str:
        """Return it as a text, with the time of the newest hour (unix seconds)."""
        return f"{b85encode(self.packed.tobytes()).decode('ascii')} {at:.0f}"

    @staticmethod
    def noted(stored: object) -> float:
        """Return when it was packed; 0 of anything else."""
        at = stored.partition(" ")[2] if isinstance(stored, str) else ""
        return float(at) if at.isascii() and at.isdigit() else 0.0

    def note(self, hour: int, windows: Sequence[PerCall]) -> None:
        """Take note of the windows of an hour that is over."""
        now = PerCall(*(median(values) for values in zip(*windows, strict=True)))
        old = self.at(hour)
        if old:
            # In logarithms, so that one bad week doubles the value and does not replace it.
            mixed = (_mixed(a, b) for a, b in zip(old, now, strict=True))
            now = PerCall(*mixed)
        self.replace(hour, now)

    def replace(self, hour: int, window: PerCall) -> None:
        first = hour * WIDTH
        self.packed[first : first + WIDTH] = array("H", map(_code, window))

    def same_hours(self, hour: int) -> Iterator[PerCall]:
        """Yield what is known of this hour of all days: what comes at night comes each night."""
        for other in range(hour % 24, HOURS, 24):
            if known := self.at(other):
                yield known

    def at(self, hour: int) -> PerCall | None:
        first = hour * WIDTH
        codes = self.packed[first : first + WIDTH]
        return PerCall(*map(_value, codes)) if codes[0] else None

    def until(self, hour: int, count: int) -> list[PerCall]:
        """Return what is known of the last hours before one, the oldest first."""
        hours = (self.at((hour - back) % HOURS) for back in range(1, HOURS + 1))
        return [known for known in hours if known][:count][::-1]


def _mixed(old: float, new: float) -> float:
    low, high = log(max(old, SMALLEST)), log(max(new, SMALLEST))
    mixed = exp(low + WEIGHT * (high - low))
    return 0.0 if mixed <= SMALLEST else mixed


def _code(value: float) -> int:
    """Return the step of a value; 0 stands for nothing."""
    return 0 if value <= SMALLEST else min(65535, 1 + round(log(value / SMALLEST) * STEPS))


def _value(code: int) -> float:
    return 0.0 if code == 0 else SMALLEST * exp((code - 1) / STEPS)
