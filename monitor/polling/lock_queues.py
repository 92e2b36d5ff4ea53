"""How much there was of waiting between two scrapes: what lasted a second must not be lost."""

from collections import deque
from dataclasses import dataclass, field

from alerts.locks.graph import LockGraph

REMEMBERED = 60.0
"""Seconds for which the worst is remembered at least. No scrape takes it from another one."""
GAP = 5.0
"""Seconds after which the time between two looks is nobody's: we did not look."""


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues for locks at one time."""

    waiting: int = 0
    """Sessions that wait."""
    chain: int = 0
    """Sessions in the longest chain, from the last waiter to whoever waits for nobody."""
    fan_in: int = 0
    """Sessions that wait for one and the same, directly or behind others."""

    @classmethod
    def of(cls, graph: LockGraph) -> "Queues":
        fan_in = max((len(graph.victims_of(root)) for root in graph.roots), default=0)
        return cls(len(graph.waits), len(graph.longest_chain), fan_in)


@dataclass(slots=True)
class LockTraffic:
    """Maxima of the last while, and sums over time that only grow."""

    remembered: float = REMEMBERED
    recent: deque[tuple[float, Queues]] = field(default_factory=deque)
    waiting_seconds: float = 0.0
    chain_seconds: float = 0.0
    fan_in_seconds: float = 0.0

    def note(self, at: float, graph: LockGraph, apart: float = 0.0) -> None:
        """Take note of a look; what it shows counts until the next one. Looks are so far apart."""
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
        """The worst of each, lately."""
        seen = [queues for _, queues in self.recent] or [Queues()]
        return Queues(
            max(queues.waiting for queues in seen),
            max(queues.chain for queues in seen),
            max(queues.fan_in for queues in seen),
        )
