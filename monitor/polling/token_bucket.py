"""What walks may cost the server: a share of wall time, and something in advance."""

from dataclasses import dataclass

ADVANCE = 20.0
"""Seconds of server time: hundreds of databases are seen within minutes after a start, thousands
within an hour; from then on walks have what comes in."""
MEMORY = 0.1
"""Weight of the newest visit in the running means."""


@dataclass(slots=True)
class TokenBucket:
    """Visits are paid from it; who owes something waits until it has come in."""

    left: float = ADVANCE
    at: float | None = None
    cost: float = 0.0
    """Seconds of server time that a visit takes, a running mean."""
    duration: float = 0.0
    """Seconds that a visit takes, another one."""

    def spend(self, cost: float, duration: float, share: float, now: float) -> None:
        """A visit has just ended; the share of wall time has come in since the one before."""
        income = 0.0 if self.at is None else share * max(0.0, now - self.at)
        self.left, self.at = min(ADVANCE, self.left + income) - cost, now
        self.cost += MEMORY * (cost - self.cost)
        self.duration += MEMORY * (duration - self.duration)

    def wait(self, share: float) -> float:
        """Seconds until the next visit."""
        return max(0.0, -self.left / share)

    def tour(self, visits: int, share: float) -> float:
        """Seconds for so many visits in the long run."""
        return visits * max(self.duration, self.cost / share)
