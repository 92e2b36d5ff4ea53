"""Budget of plans: how many an hour, and how long a visit may be."""

from dataclasses import dataclass

AN_HOUR = 20
"""Plans; also how many may be asked for at once after a quiet hour."""
A_VISIT = 10
"""Plans of one visit;"""
LONGEST = 2.0
"""and seconds, after which no further plan is asked for."""


@dataclass(slots=True)
class PlanBudget:
    """Budget of planner calls: what is left of it."""

    left: float = AN_HOUR
    told_at: float | None = None
    """Unix seconds."""

    def allowed(self, now: float) -> int:
        """Return how many plans a visit may ask for now."""
        if self.told_at is not None and now > self.told_at:
            self.left = min(AN_HOUR, self.left + (now - self.told_at) * AN_HOUR / 3600)
        self.told_at = now
        return min(A_VISIT, int(self.left))

    def spend(self) -> None:
        """Note that one was asked for."""
        self.left -= 1
