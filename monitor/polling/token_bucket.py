"""Token bucket for database walks: refills at the budgeted share, starts with 20 s."""

from dataclasses import dataclass

ADVANCE = 20.0
"""Seconds of server time at the start: hundreds of databases are seen within minutes, thousands
within an hour; from then on walks have what comes in."""
MEMORY = 0.1
"""Weight of the newest visit in the running means."""


@dataclass(slots=True)
class TokenBucket:
    """Visits are paid from it; after one that overdraws it the next waits until it is refilled."""

    left: float = ADVANCE
    at: float | None = None
    cost: float = 0.0
    """Seconds of server time that a visit takes, a running mean."""
    duration: float = 0.0
    """Seconds that a visit takes, a running mean."""

    def spend(self, cost: float, duration: float, share: float, now: float) -> None:
        """Pay for a visit that has just ended, from what has come in since the last one."""
        income = 0.0 if self.at is None else share * max(0.0, now - self.at)
        self.left, self.at = min(ADVANCE, self.left + income) - cost, now
        self.cost += MEMORY * (cost - self.cost)
        self.duration += MEMORY * (duration - self.duration)

    def wait(self, share: float) -> float:
        """Seconds until the next visit."""
        return max(0.0, -self.left / share)

    def walk_seconds(self, visits: int, share: float) -> float:
        """Seconds that this number of visits takes in the long run."""
        return visits * max(self.duration, self.cost / share)
