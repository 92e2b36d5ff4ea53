"""Costs of statements over time: windows of the most expensive ones, and those that have changed.

A window of a statement ends when it has lasted two minutes and has enough calls. Windows that cost
much more than usual are kept apart from the baseline until they have lasted a day: then they are
what is usual. So a statement stays changed until it is cured. Where that ends earlier it is
learned for those hours of the week: a report that runs at night ends by itself and comes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps
from statistics import median

from alerts.history.keys import Key
from alerts.history.kind import HomeThread, SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from alerts.history.samples import DAY, HOUR
from alerts.plans.baseline import KEPT, Baseline, Windows
from alerts.plans.change import Change
from alerts.plans.cost import METRICS, PerCall, Totals, factor
from alerts.plans.followed import Followed
from alerts.plans.week import Week, hour_of
from collectors._base import AnyAnswer, AnyCollector
from collectors.stat_statements import Statement, stat_statements

WINDOW = 120.0
"""Seconds of a window."""
CALLS = 20
"""Calls from which a window ends."""
LONGEST = HOUR
"""Seconds after which it is given up, with fewer calls."""
REMEMBERED = 100
"""Statements whose hours of the week are kept over restarts, those with the most time;"""
AT_MOST = 150
"""and with those that were among them before."""
FORGOTTEN = 15 * DAY
"""Seconds after which one that was not executed, or is among them no more, is forgotten."""
AWAY = 200
"""Statements of which more is kept while they are evicted, or others do more."""
ENOUGH = 10
"""Windows from which a baseline says something."""
APART = 2.0
"""Times the usual cost from which a window is kept apart."""
NEAR = 1.5
"""Times the cost of the same hour of another day that is still as usual."""
ADOPTED = DAY
"""Seconds after which what has changed is as usual."""
NEWEST = 3
"""Windows whose median is the cost of now."""
PAUSED = object()
BLOCKS = frozenset(("blocks", "temp_blocks"))
"""What tells another plan from waiting."""


@dataclass(slots=True)
class Turn:
    """Time when a statement that costs more began to do so in its present way."""

    since: float
    noticed: float
    """When the first of its windows ended."""
    has_more_blocks: bool
    """Otherwise it only takes longer."""
    windows: int = 0


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of the statements of a server, as of the newest answer."""

    changes: Mapping[Key, Change]
    """Those whose calls cost more than usual, however much."""
    judged: int
    """Statements with a baseline."""
    learning: int
    known_at: float | None
    """Unix seconds when the first of those that are learned has a baseline."""


@dataclass(slots=True)
class Track:
    """One statement."""

    epoch: object
    began: float
    """When its open window began, in unix seconds."""
    start: Totals
    """At the beginning of that window."""
    newest: Totals
    past: Windows = field(default_factory=Windows)
    apart: list[PerCall] = field(default_factory=list)
    """The windows since it changed."""
    phase: dict[int, PerCall] = field(default_factory=dict)
    """Of these, the last of each hour of the week."""
    learned: frozenset[int] = frozenset()
    """The hours of the last such phase; their other windows are not noted."""
    since: float = 0.0
    """When the first of these began."""
    turn: "Turn | None" = None
    """Of these, the last that are alike: it may have waited before its plan changed."""
    length: float = 0.0
    """Seconds of the last window."""
    is_rare: bool = False
    """Whether a window was given up since the last one: it costs nothing now, whatever it did."""
    hour: int = -1
    of_hour: list[PerCall] = field(default_factory=list)
    """The windows of the hour that is not over yet."""
    week: Week | None = None
    baseline: Baseline | None = None

    def pause(self) -> None:
        """Begin the next window anew: what it counts until it is seen again can't be told."""
        self.epoch = PAUSED

    def note(self, totals: Totals, at: float, epoch: object) -> bool:
        """Take note of newer counters; return whether an hour was added to the week."""
        if epoch != self.epoch or totals.fell_below(self.newest):
            self.epoch, self.began, self.start = epoch, at, totals
        self.newest = totals
        length, calls = at - self.began, totals.calls - self.start.calls
        if length < WINDOW or (calls < CALLS and length < LONGEST):
            return False
        is_over = False
        self.is_rare = calls < CALLS
        if not self.is_rare:
            self.length = length
            is_over = self._add(totals.per_call(self.start), at)
        self.began, self.start = at, totals
        return is_over

    def _add(self, window: PerCall, at: float) -> bool:
        dear = self._dear(window)
        if dear and (self.apart or not self._is_usual(window, dear)):
            if not self.apart:
                self.since, self.turn = self.began, None
            has_more = not BLOCKS.isdisjoint(dear)
            if self.turn is None or self.turn.has_more_blocks != has_more:
                self.turn = Turn(self.began, at, has_more)
            self.turn.windows += 1
            self.apart = [*self.apart, window][-KEPT:]
            self.phase[hour_of(self.began)] = window
            if at - self.since < ADOPTED:
                return False
            self.past = Windows(self.apart)
        elif dear:  # as at this hour of other days, which says nothing of the next hour
            return False
        elif len(self.apart) == 1:  # a single one is part of what is usual
            self.past.add(self.apart[0])
        was_phase = self._end_phase()
        self.past.add(window)
        self.baseline = Baseline.of(tuple(self.past))
        return self._note_hour(window) or was_phase

    def _end_phase(self) -> bool:
        """Learn the hours of windows that were apart; return whether there are any."""
        is_any = len(self.apart) > 1
        if is_any:
            self.week = self.week or Week()
            for hour, window in self.phase.items():
                self.week.replace(hour, window)
            self.learned = frozenset(self.phase)
        self.apart, self.phase = [], {}
        return is_any

    def _dear(self, window: PerCall) -> list[str]:
        """Return what of it is much more than usual; nothing while that is not known."""
        if self.baseline is None or len(self.past) < ENOUGH:
            return []
        return [name for name in METRICS if name != "rows" and self._is_dear(name, window)]

    def _is_usual(self, window: PerCall, dear: Sequence[str]) -> bool:
        """Whether it costs as much at this hour of other days."""
        known = self.week.same_hours(hour_of(self.began)) if self.week else ()
        return any(
            all(factor(name, getattr(same, name), getattr(window, name)) <= NEAR for name in dear)
            for same in known
        )

    def _is_dear(self, name: str, window: PerCall) -> bool:
        assert self.baseline is not None
        return self.baseline.times(name, window) >= APART

    def _note_hour(self, window: PerCall) -> bool:
        hour, is_over = hour_of(self.began), False
        if hour != self.hour:
            if self.of_hour and self.hour not in self.learned:
                self.week = self.week or Week()
                self.week.note(self.hour, self.of_hour)
                is_over = True
            self.hour, self.of_hour = hour, []
        self.of_hour.append(window)
        return is_over

    def change(self) -> Change | None:
        turn = self.turn
        if self.is_rare or not self.apart or turn is None or self.baseline is None:
            return None
        newest = self.apart[-min(NEWEST, turn.windows) :]
        after = PerCall(*(median(values) for values in zip(*newest, strict=True)))
        rate = newest[-1].calls / self.length
        return Change(self.baseline, after, turn.since, turn.noticed, turn.windows, rate)


class StatementCosts(SingleHistory[Costs]):
    """The costs of the most expensive statements."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (stat_statements,)

    @property
    def home(self) -> HomeThread:
        """The background thread: there may be thousands of statements."""
        return HomeThread.background

    def recorder(self, memory: Memory, namespace: Namespace) -> "StatementCostsRecorder":
        return StatementCostsRecorder(memory, namespace.of("plans.costs"))


class StatementCostsRecorder:
    """Follows the most expensive statements; what is seen is replaced as a whole."""

    def __init__(self, memory: Memory, place: Namespace) -> None:
        self.memory, self.place = memory, place
        self.tracks: dict[Key, Track] = {}
        self.away: dict[Key, Track] = {}
        """Statements that were followed, the last of them at the end."""
        self.followed = Followed()
        self.costs = Costs({}, 0, 0, None)

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        rows: Sequence[Statement] = [
            answer.rows[place] for place in self.followed.choose(answer, self.tracks.keys())
        ]
        known, self.tracks, weeks = self.tracks, {}, dict[str, Json]()
        for place, row in enumerate(rows):
            key, totals, epoch = stat_statements.key_of(row), Totals.of(row), epoch_of(row)
            track = known.pop(key, None) or self.away.pop(key, None)
            self.tracks[key] = track = track or self._new(key, totals, answer.at, epoch)
            is_over = track.note(totals, answer.at, epoch)
            if is_over and track.week and place < REMEMBERED:
                weeks[dumps(key)] = track.week.pack(answer.at)
        self._put_away(known)
        self._remember(weeks, answer.at)
        self.costs = self._seen()

    def restart(self) -> None:
        """Nothing begins anew: counters that fell tell what was reset."""

    def _put_away(self, tracks: Mapping[Key, Track]) -> None:
        for key, track in tracks.items():
            track.pause()
            self.away[key] = track
        for key in list(self.away)[:-AWAY]:
            del self.away[key]

    def view(self, at: float) -> Costs:
        return self.costs

    def _new(self, key: Key, totals: Totals, at: float, epoch: object) -> Track:
        """Begin with what is remembered of a statement."""
        track = Track(epoch, at, totals, totals)
        track.week = Week.unpack(self.memory.get(self.place, dumps(key)))
        if track.week and (known := track.week.until(hour_of(at), KEPT)):
            track.past = Windows(known)
            track.baseline = Baseline.of(tuple(track.past))
        return track

    def _remember(self, weeks: Mapping[str, Json], at: float) -> None:
        """Keep these, and others for as long as they may come again, such as those of a report."""
        if not weeks:
            return
        known = self.memory.room(self.place).items()
        seen = sorted((Week.noted(stored), name) for name, stored in known if name not in weeks)
        spare = max(0, len(seen) + len(weeks) - AT_MOST)
        gone = {
            name: None
            for place, (noted, name) in enumerate(seen)
            if place < spare or 0 < noted < at - FORGOTTEN
        }
        self.memory.update(self.place, {**gone, **weeks})

    def _seen(self) -> Costs:
        changes = {key: change for key, own in self.tracks.items() if (change := own.change())}
        ready = sum(len(own.past) >= ENOUGH for own in self.tracks.values())
        learning = [own for own in self.tracks.values() if len(own.past) < ENOUGH]
        missing = min((ENOUGH - len(own.past) for own in learning), default=0)
        known_at = min((own.began for own in learning), default=0.0) + missing * WINDOW
        return Costs(changes, ready, len(learning), known_at if learning else None)


def epoch_of(row: Statement) -> object:
    """Return what is another one after its counters began anew, even if they have grown since."""
    return row.stats_reset, row.stats_since, row.entries
