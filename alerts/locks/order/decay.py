"""Table of bounded size with decaying weights: entries that are not seen for days are dropped."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
HALF_LIFE = 86_400.0
"""Seconds in which a weight halves."""
FORGOTTEN = 0.1
"""Minimum weight; entries below it are dropped."""


@dataclass(slots=True)
class Entry(Generic[V]):
    value: V
    weight: float
    first: float
    last: float
    """Unix seconds."""

    def weight_at(self, now: float) -> float:
        return float(self.weight * 0.5 ** (max(0.0, now - self.last) / HALF_LIFE))


@dataclass(slots=True)
class DecayingTable(Generic[K, V]):
    """Decaying table: each sighting adds one to a weight; light entries are evicted first."""

    most: int
    entries: dict[K, Entry[V]] = field(default_factory=dict)
    version: int = 0
    """Grows with every change."""

    def see(self, key: K, value: V, now: float) -> Entry[V]:
        """Record a sighting. The newest value replaces the previous one."""
        entry = self.entries.get(key)
        if entry is None:
            if len(self.entries) >= self.most:
                self._make_room(now)
            entry = self.entries[key] = Entry(value, 0.0, now, now)
        entry.weight = entry.weight_at(now) + 1.0
        entry.value, entry.last = value, now
        self.version += 1
        return entry

    def get(self, key: K, now: float) -> Entry[V] | None:
        entry = self.entries.get(key)
        return entry if entry and entry.weight_at(now) >= FORGOTTEN else None

    def alive(self, now: float) -> Iterator[tuple[K, Entry[V]]]:
        return (
            (key, entry) for key, entry in self.entries.items() if entry.weight_at(now) >= FORGOTTEN
        )

    def forget(self, is_gone: Callable[[K], bool]) -> None:
        for key in [key for key in self.entries if is_gone(key)]:
            del self.entries[key]
            self.version += 1

    def __len__(self) -> int:
        return len(self.entries)

    def _make_room(self, now: float) -> None:
        """Evict a tenth at a time, so that many new entries don't sort for each of them."""
        by_weight = sorted(self.entries, key=lambda key: self.entries[key].weight_at(now))
        faded = [key for key in by_weight if self.entries[key].weight_at(now) < FORGOTTEN]
        for key in faded or by_weight[: max(1, self.most // 10)]:
            del self.entries[key]
