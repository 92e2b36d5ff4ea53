"""Waits of the last hour as a kind of history: learned from each look at the sessions."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from alerts.history.kind import HomeThread, SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.waits.doing import OTHERS, Doing, Event, active, doing_of
from alerts.waits.statement_texts import StatementTexts
from alerts.waits.sums import OpenSums, Sums
from alerts.waits.totals import Total, Totals
from collectors._base import AnyAnswer, AnyCollector
from collectors.activity import Session, activity

HOUR = 3600.0
STEP = 10.0
"""Seconds of one column of the chart."""
MINUTE = 60.0
EVENTS = 20
"""Wait events of one step that are told apart,"""
DOINGS = 30
"""and kinds of work of one minute."""
OTHER_DOING = Doing(*OTHERS, None, None, None, None)
GAP = 15.0
"""Seconds between two looks from which the time between them is not counted,"""
STRETCHED = 3.0
"""unless the looks before it were nearly as far apart: this factor."""
USUAL = 5
"""Number of looks that say how far apart looks are."""


@dataclass(frozen=True, slots=True)
class WaitsView:
    """View of the last hour, up to the last step that has ended."""

    steps: tuple[Sums[Event], ...] = ()
    """Of ten seconds each, oldest first; a step without a look is missing."""
    minutes: tuple[Sums[Doing], ...] = ()
    totals: Total = field(default_factory=Total)
    texts: Mapping[int, str] = field(default_factory=dict)
    """Statements of the largest query ids, without values."""
    began: float | None = None
    """When the first look was taken (unix seconds); None: there was none yet."""


class Waits(SingleHistory[WaitsView]):
    """History of what active sessions wait for; there is one per server."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (activity,)

    @property
    def home(self) -> HomeThread:
        """The event loop, which looks at the sessions each second."""
        return HomeThread.loop

    def recorder(self, memory: Memory, namespace: Namespace) -> "WaitsRecorder":
        return WaitsRecorder()


WAITS = Waits()


class WaitsRecorder:
    """Sums sessions, each for the time from the look before to the one that saw it."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._last: float | None = None
        self._apart: deque[float] = deque(maxlen=USUAL)
        self._step: OpenSums[Event] = OpenSums(STEP, EVENTS, OTHERS)
        self._minute: OpenSums[Doing] = OpenSums(MINUTE, DOINGS, OTHER_DOING)
        self._totals = Totals()
        self._texts = StatementTexts()
        self._view = WaitsView()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        last, self._last = self._last, answer.at
        if last is None:
            self._view = WaitsView(began=answer.at)
            return
        span = answer.at - last
        if span <= 0:  # the clock was set back
            return
        is_gap = span > max(GAP, STRETCHED * min(self._apart, default=0.0))
        self._apart.append(span)
        if not is_gap:
            self._count(answer.rows, last, answer.at)

    def view(self, at: float) -> WaitsView:
        return self._view

    def _count(self, rows: Sequence[Session], since: float, until: float) -> None:
        doings: Counter[Doing] = Counter()
        for row in active(rows):
            doing = doing_of(row)
            doings[doing] += 1
            self._texts.note(doing.query_id, row.query)
        events: Counter[Event] = Counter()
        for doing, count in doings.items():
            events[doing.event] += count
        self._totals.add(doings, until - since)
        for start, span in pieces(since, until, STEP):
            step = self._step.add(events, start, span)
            minute = self._minute.add(doings, start, span)
            if step is not None:
                self._close(step, minute)

    def _close(self, step: Sums[Event], minute: Sums[Doing] | None) -> None:
        """Show what was seen up to the end of a step; the view itself never changes."""
        oldest = step.start - HOUR
        before = self._view
        minutes = before.minutes
        if minute is not None:
            minutes = (*(one for one in minutes if one.start > oldest - MINUTE), minute)
            self._texts.keep(minute)
        self._view = WaitsView(
            (*(one for one in before.steps if one.start > oldest), step),
            minutes,
            self._totals.shown(),
            self._texts.shown,
            before.began,
        )


def pieces(since: float, until: float, step: float) -> Iterator[tuple[float, float]]:
    """Cut a span at the bounds of steps; yield the start and the length of each piece."""
    while since < until:
        end = min(until, (since // step + 1) * step)
        yield since, end - since
        since = end
