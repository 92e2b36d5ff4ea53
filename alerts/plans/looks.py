"""Looks: numbers of one object over a day, packed, as there are hundreds of objects."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from alerts.history.samples import DAY, HOUR, MINUTE

FINE = 2 * MINUTE
"""Seconds between two looks of the last half hour; of older ones there are two for each hour."""
RECENT = 30 * MINUTE
KEPT = DAY + 2 * HOUR
SPAN = 10 * MINUTE
"""Seconds of a rate before or after a change."""
Look = Sequence[float]
"""Time in unix seconds, counters, and then numbers that may fall."""


class Span(NamedTuple):
    """Two looks at one object."""

    old: Look
    new: Look

    @property
    def rates(self) -> tuple[float, ...]:
        """The increase of each number per second."""
        seconds = max(self.new[0] - self.old[0], 1e-9)
        pairs = zip(self.old[1:], self.new[1:], strict=True)
        return tuple((new - old) / seconds for old, new in pairs)


class Looks:
    """The looks at one object, the oldest first; never changes."""

    __slots__ = ("_counters", "_epoch", "_packed", "_width")

    def __init__(self, epoch: object, width: int, counters: int, packed: "array[float]") -> None:
        self._epoch, self._width, self._counters = epoch, width, counters
        self._packed = packed

    @classmethod
    def begun(cls, epoch: object, look: Look, counters: int) -> "Looks":
        """Begin with one look, of which that many numbers after the time never fall."""
        return cls(epoch, len(look), counters, array("d", look))

    def __iter__(self) -> Iterator[Look]:
        for first in range(0, len(self._packed), self._width):
            yield self._packed[first : first + self._width]

    @property
    def newest(self) -> Look:
        return self._packed[-self._width :]

    def after(self, epoch: object, look: Look) -> "Looks":
        """Return what holds after another look; a counter that fell or a new epoch begins anew."""
        counts = zip(look[: self._counters + 1], self.newest, strict=False)
        if epoch != self._epoch or any(new < old for new, old in counts):
            return self.begun(epoch, look, self._counters)
        last_but_one = self._packed[-2 * self._width : -self._width]
        if last_but_one and look[0] - last_but_one[0] < FINE:
            packed = self._packed[: -self._width]
        else:
            packed = array("d")
            for one in _thinned(self, look[0]):
                packed.extend(one)
        packed.extend(look)
        return Looks(epoch, self._width, self._counters, packed)

    def before(self, since: float) -> Span | None:
        """Return a span that ends then; None if it was not followed."""
        old = [look for look in self if look[0] <= since]
        if len(old) < 2:
            return None
        last = old[-1]
        return Span(
            next((one for one in reversed(old[:-1]) if _are_apart(one, last)), old[0]), last
        )

    def since(self, since: float) -> Span | None:
        """Return the newest span after that time."""
        newest, new = self.newest, [look for look in self if look[0] >= since][:-1]
        if not new:
            return None
        return Span(next((one for one in reversed(new) if _are_apart(one, newest)), new[0]), newest)

    def around(self, first: float, last: float) -> Span | None:
        """Return the nearest looks before and after a time; None if there are none."""
        old = [look for look in self if look[0] <= first]
        new = next((look for look in self if look[0] >= last), None)
        return Span(old[-1], new) if old and new else None


def _are_apart(old: Look, new: Look) -> bool:
    return new[0] - old[0] >= SPAN


def _thinned(looks: Iterable[Look], now: float) -> Iterator[Look]:
    """Drop what is too old, and of what is not recent all but two looks an hour."""
    kept: list[float] = []
    for look in looks:
        at = look[0]
        if now - at > KEPT:
            continue
        if now - at > RECENT and len(kept) > 1 and at - kept[-2] < 0.95 * HOUR:
            continue
        kept.append(at)
        yield look
