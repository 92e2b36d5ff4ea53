"""Calibration: a query of known cost, which tells whether the machine is busy just now."""

from dataclasses import dataclass
from math import inf

from monitor.clock import Clock
from monitor.postgres.session import Session
from monitor.reading import ReadFailure

# Some four milliseconds: shorter ones too often pass between two turns of the others.
QUERY = "select pg_catalog.count(*) from pg_catalog.generate_series(1, 30000)"
APART = 10.0
"""Seconds between two of them at least."""
OFTEN = 60.0
"""Seconds after which it is asked without need, to know how quick it is when nothing disturbs."""
SLOW, MARGIN = 3.0, 0.002
"""It is slow above this multiple of its least time, and this many seconds above it."""


@dataclass(slots=True)
class Calibration:
    """The calibration query of one server."""

    clock: Clock
    least: float = inf
    newest: float = 0.0
    at: float = -inf

    async def is_slow(self, session: Session, deadline: float) -> bool:
        """Whether it took long, if need be a few seconds ago."""
        await self._ask(session, deadline, APART)
        return self.newest > max(SLOW * self.least, self.least + MARGIN)

    async def practise(self, session: Session, deadline: float) -> None:
        """Ask it now and then."""
        await self._ask(session, deadline, OFTEN)

    async def _ask(self, session: Session, deadline: float, apart: float) -> None:
        now = self.clock.now()
        if now - self.at < apart:
            return
        self.at = now
        try:
            _, cost = await session.ask(QUERY, deadline)
        except ReadFailure:
            self.newest = inf
            return
        session.aside.append((QUERY, cost))
        self.newest = cost.work
        self.least = min(self.least, cost.work)
