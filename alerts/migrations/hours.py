"""Hours of the week, packed: one number for each hour, to about five percent, in a byte."""

from array import array
from base64 import b85decode, b85encode
from collections.abc import Iterator
from math import exp, log

HOURS = 168
STEP = 0.1
"""Of a natural logarithm."""
SMALLEST = 0.001
MOST = 255
WEIGHT = 0.5
"""Of the newest week."""


class Hours:
    """A number for each hour of the week, in UTC; 0 is Monday, from midnight on."""

    __slots__ = ("packed",)

    def __init__(self, packed: "array[int] | None" = None) -> None:
        self.packed = packed or array("B", bytes(HOURS))

    @classmethod
    def unpack(cls, stored: object) -> "Hours | None":
        """Read it as it was packed; None of anything else."""
        try:
            data = b85decode(stored) if isinstance(stored, str) else b""
        except ValueError:
            return None
        return cls(array("B", data)) if len(data) == HOURS else None

    def pack(self) -> str:
        return b85encode(self.packed.tobytes()).decode("ascii")

    def at(self, hour: int) -> float | None:
        """Return the number of an hour; None if it was never seen."""
        code = self.packed[hour]
        if code == 0:
            return None
        return 0.0 if code == 1 else SMALLEST * exp((code - 2) * STEP)

    def put(self, hour: int, value: float) -> None:
        code = 1 if value < SMALLEST else 2 + round(log(value / SMALLEST) / STEP)
        self.packed[hour] = min(MOST, code)

    def note_average(self, hour: int, value: float) -> None:
        """Take note of an average of that hour, this week."""
        known = self.at(hour)
        self.put(hour, value if known is None else known + WEIGHT * (value - known))

    def note_largest(self, hour: int, value: float) -> None:
        """Take note of the largest of that hour; what was larger is forgotten over weeks."""
        known = self.at(hour)
        self.put(hour, value if known is None else max(value, WEIGHT * known))

    def __iter__(self) -> Iterator[float | None]:
        return (self.at(hour) for hour in range(HOURS))
