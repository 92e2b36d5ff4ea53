"""Garbage collection: often of what is young, rarely of everything, as that stops the event loop.

A collection of everything takes a third of a second for 200 servers, and Python begins one several
times a minute. It finds next to nothing: rows and pages contain no cycles and are freed at once,
and the cycles that tasks and errors make are garbage while they are young.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

YOUNG, MIDDLE, NEVER = 5_000, 8, 1_000_000
"""New objects before a collection of the young; how many of those before one of the middle-aged,
which takes a few milliseconds; Python itself never begins one of everything."""
SHARE = 1 / 20_000
"""Share of time for collections of everything."""
RAREST, MOST_OFTEN = 6 * 3600.0, 600.0
"""Seconds between two of them."""


def settle() -> None:
    """Exclude all objects that exist now from collection: they live as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)


@dataclass(slots=True)
class WholeCollection:
    """Recurring job that collects everything, the more rarely the longer it takes."""

    clock: Callable[[], float] = time.monotonic
    collect: Callable[[], object] = gc.collect
    due: float | None = None

    async def __call__(self) -> None:
        begun = self.clock()
        if self.due is None:
            self.due = begun + MOST_OFTEN
        elif begun >= self.due:
            self.collect()
            took = self.clock() - begun
            self.due = begun + min(RAREST, max(MOST_OFTEN, took / SHARE))
