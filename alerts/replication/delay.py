"""Intended delay of a standby that is only known to its primary: learned from its replay.

A delayed standby replays each commit when it has a certain age. So the age of what it replays
next is always the same, while that of a standby that is merely slow grows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from alerts.history.crossings import Trail
from alerts.history.kind import SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.replication.leftovers import without_leftovers
from alerts.replication.timeline import TimelineRecorder
from collectors._base import AnyAnswer, AnyCollector
from collectors.replication import Receiver, replication
from collectors.wal_position import wal_position

KEPT = 12
"""Replays of which the ages are kept."""
ALIKE = 3
"""Ages that must be alike to be a delay."""
PROMPT = 5
"""Replays at once that prove that there is no delay, if there were no others: a delayed standby
stops at the first commit, but replays at once what is not part of a transaction. As many after the
last late one leave it open: that one may have been paused."""
STOOD = 3
"""Polls without any replay after which its delay may have been raised."""
SHORT = 10.0
"""Seconds below which a delay is none that is set on purpose."""
SPREAD = 0.1
"""Share by which the ages of a delayed standby differ; besides the time between two polls."""


class Age(NamedTuple):
    """The age of what was replayed next, from below."""

    seconds: float
    poll: float
    """Seconds since the look before: by so much it may have been older."""

    @property
    def is_late(self) -> bool:
        return self.seconds >= SHORT + self.poll


@dataclass(frozen=True, slots=True)
class Delays:
    """The delays of receivers, by name."""

    known: Mapping[str, float]

    def of(self, receiver: Receiver) -> float | None:
        """Return its delay in seconds, 0 if it replays at once; None if that is not known yet."""
        return self.known.get(receiver.name)


class ReplayDelay(SingleHistory[Delays]):
    """Intended delay of each receiver before it replays WAL."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return replication, wal_position

    def recorder(self, memory: Memory, namespace: Namespace) -> "DelayRecorder":
        return DelayRecorder()


@dataclass(slots=True)
class Replays:
    """The last position that a receiver replayed, and the age of what it replayed next."""

    position: int
    at: float
    ages: tuple[Age, ...] = ()
    moved: float | None = None
    """When it was seen to replay something."""
    base: float | None = None
    """The age at which it began to replay."""

    def after(self, position: int, at: float, age: float | None) -> "Replays":
        if position <= self.position or age is None:
            return replace(self, position=position, at=at)
        ages = (*self.ages, Age(age, at - self.at))[-KEPT:]
        return Replays(position, at, ages, at, self._base_after(Replays(position, at, ages)))

    def _base_after(self, later: "Replays") -> float | None:
        """Begin anew where it falls, or was raised: nothing is replayed then until it is over."""
        age = later.steady_age
        if not age or self.base is None or age < self.base:
            return age or self.base
        stood = later.at - (self.moved or later.at)
        was_raised = stood >= max(STOOD * (later.at - self.at), age - self.base)
        return age if was_raised else self.base

    @property
    def delay(self) -> float | None:
        """The age at which it replays, 0 if that is at once; None if it is not known yet.

        One whose age grows while it replays is slow, which is no delay.
        """
        age = self.steady_age
        most = (self.base or 0.0) * (1 + SPREAD) + 2 * max((a.poll for a in self.ages), default=0.0)
        return 0.0 if age and age > most else age

    @property
    def steady_age(self) -> float | None:
        """The age at which it replays now, 0 if that is at once; None if it is not steady."""
        oldest = sorted(self.ages, reverse=True)[:ALIKE]
        if not any(age.is_late for age in self.ages):
            return 0.0 if len(self.ages) >= PROMPT else None
        if len(oldest) < ALIKE or not all(age.is_late for age in oldest):
            return None
        is_alike = oldest[0].seconds * (1 - SPREAD) <= min(a.seconds + a.poll for a in oldest)
        is_lasting = any(age.is_late for age in self.ages[-PROMPT:])
        return oldest[-1].seconds if is_alike and is_lasting else None


class DelayRecorder:
    """Compares what each receiver has replayed with the timeline of its upstream."""

    def __init__(self) -> None:
        self.timeline = TimelineRecorder()
        self.replays: dict[str, Replays] = {}

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is wal_position:
            if self.replays:
                self.timeline.learn(collector, answer)
            return
        trail = self.timeline.view(answer.at).trail
        seen: dict[str, Replays] = {}
        for row in without_leftovers(answer.rows):
            if row.replay_lsn is not None and row.name not in seen:
                known = self.replays.get(row.name)
                seen[row.name] = (
                    known.after(row.replay_lsn, answer.at, _age(trail, known, row, answer.at))
                    if known
                    else Replays(row.replay_lsn, answer.at)
                )
        self.replays = seen

    def restart(self) -> None:
        self.replays = {}

    def view(self, at: float) -> Delays:
        delays = {name: replays.delay for name, replays in self.replays.items()}
        return Delays({name: delay for name, delay in delays.items() if delay is not None})


def _age(trail: Trail, known: Replays, row: Receiver, at: float) -> float | None:
    """Return how old WAL was when it was replayed, from below: by what waits now, or by what
    waited at the last poll and has been replayed since."""
    waits, waited = trail.passed(row.replay_lsn or 0), trail.passed(known.position)
    if waits and not waits.exact:
        return row.replay_lag_seconds
    before = waited.seconds - (at - known.at) if waited and waited.exact else 0.0
    return max(before, waits.seconds if waits else 0.0)


DELAYS = ReplayDelay()
