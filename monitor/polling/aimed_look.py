"""Aimed look: a look at the locks just before a waiting session checks for a deadlock.

A deadlock lasts until one of its sessions has waited for deadlock_timeout. So a look shortly before
that moment sees it, even on servers where looks cost so much that they are a second apart. It is
paid from what the looks leave of the budget.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from collectors.locks import Lock

TIMEOUT = 1.0
"""Default deadlock_timeout, in seconds."""
AHEAD = 0.1
"""Seconds that it comes before the check: a look takes some time itself."""
RECENT = 0.2
"""Seconds; a look that is not older has seen the deadlock already."""
SAVED = 5
"""Looks that the savings are enough for at most."""


@dataclass(slots=True)
class AimedLook:
    saved: float = 0.0
    """Seconds of the server's work."""
    at: float | None = None

    def save(self, share: float, cost: float, now: float) -> None:
        """Save what was left of the budget since the last call: a share of the time."""
        elapsed = 0.0 if self.at is None else max(0.0, now - self.at)
        self.saved = min(SAVED * cost, self.saved + max(0.0, share) * elapsed)
        self.at = now

    def spend(self, cost: float) -> None:
        """Pay for one."""
        self.saved -= cost

    def moment(
        self, rows: Iterable[Lock], looked: float, until: float, cost: float, timeout: float
    ) -> float | None:
        """Return when it is due; None if no wait is worth it, or if it can't be paid.

        `rows` were seen at `looked`, and `until` is the next look that takes place anyway.
        """
        if self.saved < cost:
            return None
        checks = (
            looked - lock.waited_seconds + timeout
            for lock in rows
            if not lock.granted and lock.waited_seconds is not None
        )
        due = (
            check - AHEAD
            for check in checks
            if check - AHEAD >= looked + RECENT and check < until + AHEAD / 2
        )
        return min(due, default=None)
