"""Glance: asks only whether a session waits for a lock, at a tenth of the cost of a look.

A deadlock lasts for deadlock_timeout, one second by default. So looks that are a second apart, or
more where they are costly, miss some. A glance between two of them leads to a look at once if a
session waits.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from collectors.activity import Session as Activity
from monitor.clock import Clock
from monitor.polling.round_log import RoundLog
from monitor.postgres.session import Session
from monitor.reading import ReadFailure

QUERY = """
    select exists (
        select from pg_catalog.pg_stat_get_backend_idset() of_backend
        where pg_catalog.pg_stat_get_backend_wait_event_type(of_backend) = 'Lock'
    )
"""
APART = 0.5
"""Seconds between two glances or looks, at most."""
SHARE = 0.08
"""Share of a server's budget that they may take."""
REFUSED = 600.0
"""Seconds for which it is not tried again after an error."""
KEPT = 5
WORKED = 10.0
"""Seconds for which a session counts as at work after it has begun or ended a statement."""
CLIENT = "client backend"


def may_find_a_wait(sessions: Sequence[Activity]) -> bool:
    """Return False where fewer than two sessions beside ours are at work: none waits for another.

    A session whose state is not told counts as at work.
    """
    ours = {(one.usename, one.application_name) for one in sessions if one.is_self}
    others = (one for one in sessions if (one.usename, one.application_name) not in ours)
    return sum(map(_is_at_work, others)) >= 2


def _is_at_work(session: Activity) -> bool:
    if session.xact_seconds is not None:
        return True
    if session.backend_type not in {CLIENT, None}:
        return False
    return session.state_seconds is None or session.state_seconds < WORKED


@dataclass(slots=True)
class Glance:
    """The glances at one server."""

    clock: Clock
    round_log: RoundLog
    not_before: float = 0.0
    costs: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    """Of the last few, in seconds of the server's work; the least of them counts."""

    async def sees_a_wait(self, session: Session, deadline: float) -> bool:
        """Whether a session waits for a lock now. A lost session is left to the next round."""
        try:
            records, cost = await session.ask(QUERY, deadline)
        except ReadFailure:
            self.not_before = self.clock.now() + REFUSED
            return False
        self.costs.append(cost.spent)
        # Unless its process is seen, a late answer has waited: the least of a few says more.
        work = self.cost if cost.run is None else cost.run
        self.round_log.spend(cost.elapsed, work, False)
        return bool(records[0][0])

    def between(self, pace: float, budget: float) -> int:
        """Return how many fit between two looks that are `pace` seconds apart.

        `budget` is the share of wall time that all rounds together may take.
        """
        if self.clock.now() < self.not_before:
            return 0
        apart = max(APART, self.cost / (SHARE * budget))
        return max(0, math.ceil(pace / apart - 0.1) - 1)

    @property
    def cost(self) -> float:
        """Seconds of the server's work that one takes; 0 while that is not known."""
        return min(self.costs, default=0.0)
