"""Lock queues: maxima and sums over time, so that a wait between two scrapes is not lost."""

from collections import deque
from dataclasses import dataclass, field

from alerts.locks.graph import LockGraph

REMEMBERED = 60.0
"""Seconds for which the worst is remembered at least. A scrape does not reset it for another."""
GAP = 5.0
"""Seconds between two readings after which the time between them is not counted as waiting."""


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues for locks at one time."""

    waiting: int = 0
    """Sessions that wait."""
    chain: int = 0
    """Sessions in the longest chain, from the last waiter to the session that waits for none."""
    fan_in: int = 0
    """The most sessions that wait for the same one, directly or behind others."""

    @classmethod
    def of(cls, graph: LockGraph) -> "Queues":
        fan_in = max((len(graph.victims_of(root)) for root in graph.roots), default=0)
        return cls(len(graph.waits), len(graph.longest_chain), fan_in)


@dataclass(slots=True)
class LockTraffic:
    """Maxima of the last minutes, and sums over time that only grow."""

    remembered: float = REMEMBERED
    recent: deque[tuple[float, Queues]] = field(default_factory=deque)
    waiting_seconds: float = 0.0
    chain_seconds: float = 0.0
    fan_in_seconds: float = 0.0

    def note(self, at: float, graph: LockGraph, apart: float = 0.0) -> None:
        """Count what a reading shows until the next one, which is due `apart` seconds later."""
        if self.recent:
            before, queues = self.recent[-1]
            seconds = min(max(0.0, at - before), max(GAP, 2 * apart))
            self.waiting_seconds += queues.waiting * seconds
            self.chain_seconds += queues.chain * seconds
            self.fan_in_seconds += queues.fan_in * seconds
        self.recent.append((at, Queues.of(graph)))
        while self.recent[0][0] < at - self.remembered:
            self.recent.popleft()

    @property
    def most(self) -> Queues:
        """The worst of each within the time remembered."""
        seen = [queues for _, queues in self.recent] or [Queues()]
        return Queues(
            max(queues.waiting for queues in seen),
            max(queues.chain for queues in seen),
            max(queues.fan_in for queues in seen),
        )
