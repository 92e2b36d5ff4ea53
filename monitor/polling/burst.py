"""Looks at the locks more often while somebody waits for one, as often as the budget allows.

A pile-up grows within seconds, a deadlock lasts one, and what leads up to it a tenth of that.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from collectors._base import Answer, AnyCollector
from collectors.activity import activity
from collectors.locks import Lock, locks
from monitor.polling.lock_queues import REMEMBERED, LockTraffic
from monitor.polling.runner import CollectorRunner

HURRIED = 0.25
"""Seconds between two looks while somebody waits."""
HURRY = 10.0
"""Seconds for which it is kept up after somebody was last seen to wait,"""
CALM = 2
"""unless so many looks in a row show nobody."""
LOOK: tuple[AnyCollector, ...] = (activity, locks)
Look = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class LockBurst:
    """Fills the time between two ordinary rounds of the fast lane."""

    runner: CollectorRunner
    traffic: LockTraffic = field(default_factory=LockTraffic)
    hurry_until: float = 0.0
    calm: int = 0
    noted: Answer[Lock] | None = None
    """The last look that was taken note of: a stretched pace leaves rounds without one."""

    @property
    def interval(self) -> float:
        """Seconds between two looks as they are now."""
        ordinary = self.runner.paces.of(activity)
        return min(ordinary, self.hurried) if self._in_a_hurry() else ordinary

    @property
    def hurried(self) -> float:
        """What looking costs decides how often it can be done."""
        paces = self.runner.paces
        cost = sum(paces.costs.get((collector, False), 0.0) for collector in LOOK)
        return max(HURRIED, cost / paces.fast_budget)

    async def follow(self, look: Look) -> None:
        """More looks until the next ordinary round is near; none if nobody waits."""
        self._note()
        entries = [self.runner.round_log.of(collector) for collector in LOOK]
        began = entries[0].asked
        if began is None or not self._in_a_hurry():
            return
        due, end = began + self.hurried, began + self.runner.paces.of(activity)
        while self._in_a_hurry() and due + self.hurried / 2 <= end:
            await asyncio.sleep(max(0.0, due - self.runner.clock.now()))
            await look()
            self._note()
            due = max(due + self.hurried, self.runner.clock.now())
        # A look between the ordinary ones does not put the next of those off.
        for entry in entries:
            entry.asked = began

    def remember(self, seconds: float) -> None:
        """How long the worst is to be remembered, where that is longer than usual."""
        self.traffic.remembered = max(REMEMBERED, seconds)

    def _in_a_hurry(self) -> bool:
        is_near = self.runner.clock.now() < self.hurry_until
        return is_near and self.calm < CALM and not self.runner.paces.distress

    def _note(self) -> None:
        """Take note of the newest look."""
        answer = self.runner.facts.answers.get(locks)
        if answer is None or answer is self.noted:
            return
        self.noted = answer
        graph = self.runner.facts.recorder.lock_store.graph
        self.traffic.note(answer.at, graph, self.runner.paces.of(activity))
        waiting = any(not lock.granted for lock in answer.rows)
        self.calm = 0 if waiting else self.calm + 1
        if waiting:
            self.hurry_until = answer.at + HURRY
        between = LOOK if self._in_a_hurry() else ()
        self.runner.paces.hurry(dict.fromkeys(between, self.hurried))
