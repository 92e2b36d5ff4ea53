"""Lock burst: reads locks more often while a session waits for one, as often as the budget allows.

A pile-up grows within seconds, a deadlock lasts one, and what leads up to it a tenth of that. So
while no session waits, glances between two readings ask whether one does by now.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from alerts.history.recorder import Recorder
from alerts.locks.order import LOCK_ORDER
from collectors._base import Answer, AnyCollector
from collectors.activity import activity
from collectors.locks import Lock, locks
from collectors.settings import settings
from monitor.clock import Clock
from monitor.polling.aimed_look import TIMEOUT, AimedLook
from monitor.polling.answers import Answers
from monitor.polling.glance import Glance, may_find_a_wait
from monitor.polling.lock_queues import REMEMBERED, LockTraffic
from monitor.polling.pacing import WAITED_FOR, Pacing
from monitor.polling.round_log import RoundLog

HURRIED = 0.25
"""Seconds between two readings while a session waits."""
HURRY = 10.0
"""Seconds for which a burst goes on after a session was last seen to wait,"""
CALM = 2
"""unless this many readings in a row show none."""
IN_BURST: tuple[AnyCollector, ...] = (activity, locks)
Read = Callable[[], Awaitable[None]]
Look = Callable[[], Awaitable[bool]]
"""Whether a session waits for a lock by now."""


@dataclass(slots=True)
class LockBurst:
    """Fills the time between two ordinary rounds of the fast lane."""

    clock: Clock
    answers: Answers
    recorder: Recorder
    pacing: Pacing
    round_log: RoundLog
    traffic: LockTraffic = field(default_factory=LockTraffic)
    aimed: AimedLook = field(default_factory=AimedLook)
    glance: Glance = field(init=False)
    hurry_until: float = 0.0
    calm: int = 0
    noted: Answer[Lock] | None = None
    """The last answer that was noted: with a stretched pace there are rounds without a new one."""

    def __post_init__(self) -> None:
        self.glance = Glance(self.clock, self.round_log)

    @property
    def interval(self) -> float:
        """Seconds between two readings as they are now."""
        ordinary = self.pacing.of(activity)
        return min(ordinary, self.hurried) if self._in_a_hurry() else ordinary

    @property
    def hurried(self) -> float:
        """Seconds between two readings of a burst: what one costs decides how often it is done."""
        return min(WAITED_FOR, max(HURRIED, self.cost / self.pacing.fast_budget))

    @property
    def cost(self) -> float:
        """Seconds of the server's work that one reading of a burst takes."""
        return sum(self.pacing.costs.get((collector, False), 0.0) for collector in IN_BURST)

    async def follow(self, read: Read, sees_a_wait: Look | None = None) -> None:
        """Read repeatedly until the next ordinary round is near, only while sessions wait."""
        self._note()
        self._save()
        statuses = [self.round_log.of(collector) for collector in IN_BURST]
        ordinary = began = statuses[0].asked
        if began is None:
            return
        end = began + self.pacing.of(activity)
        if not self._in_a_hurry():
            if sees_a_wait is None or not await self._glances(began, end, sees_a_wait):
                return
            await read()
            self._note()
            began = self.clock.now()
        due = began + self.hurried
        while self._in_a_hurry():
            regular = due if due + self.hurried / 2 <= end else end
            aimed = self._aimed(regular)
            if aimed is None and regular == end:
                break
            await asyncio.sleep(max(0.0, (aimed or regular) - self.clock.now()))
            await read()
            self._note()
            if aimed is None:
                due = max(due + self.hurried, self.clock.now())
            else:
                self.aimed.spend(self.cost)
        # A reading between the ordinary ones does not put the next of those off.
        for status in statuses:
            status.asked = ordinary

    async def _glances(self, began: float, end: float, sees_a_wait: Look) -> bool:
        """Glance until the next ordinary round is near, or until a session waits."""
        pace = end - began
        number = self.glance.between(pace, self.pacing.budget) if self._is_busy() else 0
        self.pacing.glances_take(number * self.glance.cost / pace)
        for glance in range(1, number + 1):
            due = began + glance * pace / (number + 1)
            await asyncio.sleep(max(0.0, due - self.clock.now()))
            if await sees_a_wait():
                return True
        return False

    def _is_busy(self) -> bool:
        """Whether a session may wait before the next round; unknown counts as may."""
        answer = self.answers.newest.get(activity)
        return not self.pacing.distress and (answer is None or may_find_a_wait(answer.rows))

    def _aimed(self, until: float) -> float | None:
        """Return when a look is due that catches a deadlock before it ends, and that pays."""
        if self.noted is None:
            return None
        return self.aimed.moment(self.noted.rows, self.noted.at, until, self.cost, self._timeout())

    def _timeout(self) -> float:
        """Return deadlock_timeout, in seconds."""
        answer = self.answers.newest.get(settings)
        known = (row for row in answer.rows if row.name == "deadlock_timeout") if answer else ()
        setting = next((row.setting for row in known), None)
        return int(setting) / 1000 if setting else TIMEOUT

    def _save(self) -> None:
        """Save what the looks leave of the budget for aimed ones."""
        resting = self.pacing.resting
        cost = sum(
            self.pacing.costs.get((one, False), 0.0) for one in IN_BURST if one not in resting
        )
        share = self.pacing.budget - cost / self.interval
        share -= self.pacing.glances
        self.aimed.save(share, self.cost, self.clock.now())

    def remember(self, seconds: float) -> None:
        """Remember the worst queues for that long, where that is longer than usual."""
        self.traffic.remembered = max(REMEMBERED, seconds)

    def _in_a_hurry(self) -> bool:
        is_near = self.clock.now() < self.hurry_until
        return is_near and self.calm < CALM and not self.pacing.distress

    def _note(self) -> None:
        """Note the newest answer about locks."""
        answer = self.answers.newest.get(locks)
        if answer is None or answer is self.noted:
            return
        self.noted = answer
        if learned := self.recorder.view(LOCK_ORDER, answer.at):
            self.traffic.note(answer.at, learned.graph, self.pacing.of(activity))
        waiting = any(not lock.granted for lock in answer.rows)
        self.calm = 0 if waiting else self.calm + 1
        if waiting:
            self.hurry_until = answer.at + HURRY
        between = IN_BURST if self._in_a_hurry() else ()
        self.pacing.asks_between(dict.fromkeys(between, self.hurried))
