"""What is done again and again takes a share of our time, and no more."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Throttled:
    """A job that is left out while it has had its share; called every second, say."""

    job: Callable[[], Awaitable[None]]
    share: float
    clock: Callable[[], float] = time.monotonic
    rests_until: float = 0.0

    async def __call__(self) -> None:
        begun = self.clock()
        if begun >= self.rests_until:
            await self.job()
            self.rests_until = begun + (self.clock() - begun) / self.share
