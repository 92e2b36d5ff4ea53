"""Sums of session seconds over a span of time, packed, with a bounded number of keys."""

from array import array
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Sums(Generic[K]):
    """Session seconds by key, from `start` (unix seconds) for a fixed step."""

    start: float
    watched: float
    """Seconds of the step in which sessions were looked at; what is left was not seen."""
    keys: tuple[K, ...]
    """Largest first."""
    seconds: "array[float]"

    def items(self) -> Iterator[tuple[K, float]]:
        return zip(self.keys, self.seconds, strict=True)


@dataclass(slots=True)
class OpenSums(Generic[K]):
    """Sums of a step that has not ended."""

    step: float
    most: int
    """Keys that are kept when the step ends; the others are summed."""
    other: K
    start: float = 0.0
    watched: float = 0.0
    seconds: dict[K, float] | None = None

    def add(self, keys: Mapping[K, int], start: float, span: float) -> Sums[K] | None:
        """Add sessions that were seen over a span inside one step; return the step that ended."""
        began = start // self.step * self.step
        ended = None
        if self.seconds is None or began != self.start:
            ended = self.closed()
            self.start, self.watched, self.seconds = began, 0.0, {}
        self.watched += span
        for key, count in keys.items():
            # A server may show any number of names; beyond this many all are summed.
            if key not in self.seconds and len(self.seconds) >= 10 * self.most:
                key = self.other
            self.seconds[key] = self.seconds.get(key, 0.0) + count * span
        return ended

    def closed(self) -> Sums[K] | None:
        """Return what was summed so far; None before the first look."""
        if self.seconds is None:
            return None
        known = dict(self.seconds)
        rest = known.pop(self.other, 0.0)
        ranked = sorted(known, key=known.__getitem__, reverse=True)
        rest += sum(known[key] for key in ranked[self.most :])
        keys = ranked[: self.most]
        values = [known[key] for key in keys]
        if rest:
            keys.append(self.other)
            values.append(rest)
        return Sums(self.start, self.watched, tuple(keys), array("f", values))
