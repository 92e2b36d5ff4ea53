"""Crossings: when a growing number passed a given value, from its recorded steps."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from alerts.history.kind import History
from alerts.history.memory import Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector

STEPS = 4096
"""Steps beyond which a trail is thinned: its older half loses every other one."""
Step = tuple[float, float]
"""Unix seconds, and the value that was reached."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """Time since a value was passed; not exact if the recorded steps don't reach back that far."""

    seconds: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Trail:
    """The steps of one growing number."""

    steps: Sequence[Step]
    length: int
    """How many of the steps count; others may be appended later."""
    now: float

    def passed(self, value: float) -> Crossed | None:
        """How long ago the number was first above the value; None if it is not above it."""
        first = bisect_right(self.steps, value, hi=self.length, key=itemgetter(1))
        if first == self.length:
            return None
        return Crossed(max(0.0, self.now - self.steps[first][0]), exact=first > 0)


@dataclass(frozen=True, slots=True)
class Crossings(History[Trail]):
    """Times when a growing number passed a value; of a collector with one row."""

    collector: AnyCollector
    column: str

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (self.collector,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "CrossingsRecorder":
        return CrossingsRecorder(self.column)


class CrossingsRecorder:
    """Keeps the steps; a fall begins anew.

    A list of steps is only ever appended to: a view that knows its length doesn't change.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.steps: list[Step] = []

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if len(answer.rows) != 1:
            return
        value = getattr(answer.rows[0], self.column)
        if value is None:
            return
        if self.steps and value < self.steps[-1][1]:
            self.steps = []
        if not self.steps or value > self.steps[-1][1]:
            self.steps.append((answer.at, value))
        if len(self.steps) > STEPS:
            self.steps = self.steps[: STEPS // 2 : 2] + self.steps[STEPS // 2 :]

    def restart(self) -> None:
        self.steps = []

    def view(self, at: float) -> Trail:
        steps = self.steps
        return Trail(steps, len(steps), at)
