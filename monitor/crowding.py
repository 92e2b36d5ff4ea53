"""Crowding: asks all servers more rarely where they are more than one event loop can watch.

A loop without time to spare leaves out rounds at random, and reads answers and serves pages late.
So the paces of all servers are stretched alike, until the loop has time to spare again.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.polling.pacing import STRETCH

FULL, EASY = 0.6, 0.45
"""Shares of a core: paces are stretched while the loop takes more than the first, and shortened
again while it takes less than the second. At 0.75 the loop of 200 servers had no time to spare: it
waits for the other threads and for a core as well."""
AFTER = 3
"""Looks in a row before paces are stretched at all: a start takes less."""
FASTER, BACK = 1.5, 0.93
"""The most by which one look stretches them, and that by which one look shortens them."""


@dataclass(slots=True)
class Crowding:
    """Crowding of one event loop."""

    every: ClassVar[float] = 10.0
    """Seconds between two looks, as long as the shares of the heartbeat are summed up."""
    factor: float = 1.0
    """That by which paces are stretched; 1: they are not."""
    full: int = 0
    """Looks in a row at which the loop took too much."""
    since: float | None = None
    """Monotonic time since when paces are stretched."""

    def look(self, share: float | None, now: float) -> None:
        """Take the share of a core that the loop takes (None: unknown) at that monotonic time."""
        self.full = self.full + 1 if share is not None and share > FULL else 0
        if share is None or share < EASY:
            self.factor = max(1.0, self.factor * BACK)
        elif self.full and (self.factor > 1.0 or self.full >= AFTER):
            self.factor = min(STRETCH, self.factor * min(FASTER, share / EASY))
        if self.factor == 1.0:
            self.since = None
        elif self.since is None:
            self.since = now

    def seconds(self, now: float) -> float | None:
        """Seconds since when paces are stretched; None: they are not."""
        return None if self.since is None else now - self.since
