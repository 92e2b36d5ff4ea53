"""Throttle: limits a recurring job to a share of wall time."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Throttled:
    """A job that skips calls while it has used more than its share of wall time."""

    job: Callable[[], Awaitable[float | None]]
    """Returns the seconds that it used, if that is less than the time until it ended."""
    share: float
    clock: Callable[[], float] = time.monotonic
    rests_until: float = 0.0

    async def __call__(self) -> None:
        begun = self.clock()
        if begun >= self.rests_until:
            used = await self.job()
            seconds = self.clock() - begun if used is None else used
            self.rests_until = begun + seconds / self.share
