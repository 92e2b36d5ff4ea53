"""Load of a window: average active sessions by wait event, and who does what of it."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from alerts._base import Unjudged
from alerts.waits.doing import Doing, Event
from alerts.waits.history import MINUTE, STEP, WaitsView

K = TypeVar("K", bound=Hashable)
WATCHED = 0.8
"""Share of a window that must have been looked at."""
OLD = 60.0
"""Seconds after which the newest step says nothing of now."""


@dataclass(frozen=True, slots=True)
class Part(Generic[K]):
    """Largest part of some load, and its share of it."""

    what: K
    share: float


@dataclass(frozen=True, slots=True)
class WaitLoad:
    """Session seconds of a window by event, and the seconds that were looked at."""

    watched: float
    seconds: Mapping[Event, float]
    doings: Mapping[Doing, float]
    """The same by kind of work, of the whole minutes that overlap the window."""

    def sessions(self, chosen: Callable[[Event], bool] = lambda _: True) -> float:
        """Return the average number of sessions at the events that are chosen."""
        seconds = sum(s for event, s in self.seconds.items() if chosen(event))
        return seconds / self.watched if self.watched else 0.0

    def largest(
        self, what: Callable[[Doing], K], chosen: Callable[[Event], bool] = lambda _: True
    ) -> Part[K] | None:
        """Return what has most of the events that are chosen; None where nothing is known."""
        sums: dict[K, float] = {}
        for doing, seconds in self.doings.items():
            if chosen(doing.event):
                sums[what(doing)] = sums.get(what(doing), 0.0) + seconds
        if not sums:
            return None
        most = max(sums, key=sums.__getitem__)
        return Part(most, sums[most] / sum(sums.values()))


def load_of(view: WaitsView, at: float, window: timedelta) -> WaitLoad:
    """Return the load of the last steps that have ended; nothing where they are old."""
    newest = view.steps[-1].start + STEP if view.steps else 0.0
    if at - newest > OLD:
        return WaitLoad(0.0, {}, {})
    since = newest - window.total_seconds()
    steps = [step for step in view.steps if step.start >= since]
    seconds: dict[Event, float] = {}
    for step in steps:
        for event, spent in step.items():
            seconds[event] = seconds.get(event, 0.0) + spent
    doings: dict[Doing, float] = {}
    for minute in view.minutes:
        if minute.start + MINUTE > since:
            for doing, spent in minute.items():
                doings[doing] = doings.get(doing, 0.0) + spent
    return WaitLoad(sum(step.watched for step in steps), seconds, doings)


def unwatched(view: WaitsView, load: WaitLoad, at: float, window: timedelta) -> Iterator[Unjudged]:
    """Yield that too little of the window was looked at, where that is so."""
    needed = window.total_seconds()
    if load.watched < WATCHED * needed:
        began = view.began if view.began is not None else at
        until = max(began + needed + STEP, at + STEP)
        minutes = round(needed / 60)
        yield Unjudged(f"sessions have not been watched for {minutes} minutes yet", until=until)
