"""Pacing: how often each collector is asked, at its lane's pace or slower where it is costly."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from collectors._base import AnyCollector, Lane, Scope
from monitor.polling.budget import fast_lane, water_level

MEMORY = 0.3
"""Weight of the newest round in the running mean of a collector's cost."""
FAST_LAST = 3
"""The fast lane starts backing off this many time-outs after the others."""
MOST_DISTRESS = 6
"""Time-outs in a row after which paces are not doubled any further."""
FAST_SHARE = 0.75
"""Share of the budget that the fast lane may take before all others: what piles up within seconds
must not be seen later because there are many relations."""
RECENT = 5
"""In the fast lane a round costs the least of this many. What others took longer they have waited
for a processor: a server in trouble would be looked at rarely because it is in trouble."""
WORST = 3600.0
"""Seconds; no pace is stretched beyond it, as a question never asked is never answered."""


Extent = tuple[AnyCollector, bool]
"""A collector's whole answer (False), or what is quick of it (True): the part that is shown, and
the whole answers of databases where they are short."""


@dataclass(slots=True)
class Pacing:
    """Effective paces of all collectors on one server, in seconds."""

    lanes: Mapping[Lane, float]
    budget: float
    """Share of wall time that all rounds together may take on the server."""
    costs: dict[Extent, float] = field(default_factory=dict)
    """Seconds of server time that a round takes, a running mean; in the fast lane the least."""
    resting: set[AnyCollector] = field(default_factory=set)
    """Collectors with a shut gate: they cost nothing as long as it is."""
    distress: int = 0
    """Time-outs in a row; each doubles all paces, the fast lane's last."""
    homes: dict[AnyCollector, str] = field(default_factory=dict)
    """Collectors that see the whole server, but only from the database with their extension."""
    _partial: frozenset[AnyCollector] = frozenset()
    _walk_seconds: float = 0.0
    _between: Mapping[AnyCollector, float] = field(default_factory=dict)
    _tightest: dict[AnyCollector, float] = field(default_factory=dict)
    """The lowest level since each was asked last."""
    _fast: float = 1.0
    """Factor by which the pace of the fast lane is stretched."""
    _recent: dict[AnyCollector, deque[float]] = field(default_factory=dict)
    _left: dict[Scope, float] = field(default_factory=dict)
    """Share of wall time that the fast lane, and the other scope, leave for each."""
    _level: dict[Scope, float] = field(default_factory=dict)
    """The largest share that one collector of each scope may take."""

    # Events.

    def answered(
        self, collector: AnyCollector, seconds: float, part: bool = False, cold: bool = False
    ) -> None:
        """A round was answered and cost the server these seconds; `part`: only what is quick."""
        self.distress = 0
        # The first round of a session plans the query and reads the catalogue: many times the cost
        # of the next one, which in the fast lane comes too soon to be put off because of it.
        if collector.lane is not Lane.fast:
            before = self.costs.get((collector, part), seconds)
            self.costs[collector, part] = before + MEMORY * (seconds - before)
        elif not cold:
            recent = self._recent.setdefault(collector, deque(maxlen=RECENT))
            recent.append(seconds)
            self.costs[collector, part] = min(recent)
        else:
            return
        self.resting.discard(collector)
        self._tightest[collector] = 1.0
        self._share_out()

    def timed_out(self) -> None:
        """A round was not answered in time."""
        self.distress = min(MOST_DISTRESS, self.distress + 1)

    def rests(self, collector: AnyCollector) -> None:
        """A gate is shut: this collector need not be asked for now."""
        if collector not in self.resting:
            self.resting.add(collector)
            self._share_out()

    def asks_between(self, paces: Mapping[AnyCollector, float]) -> None:
        """Collectors are asked between two rounds too, this many seconds apart; empty: none is."""
        if paces != self._between:
            self._between = paces
            self._share_out()

    def on_tour(self, seconds: float) -> None:
        """A walk through all databases takes that long: nothing is asked more often in each."""
        self._walk_seconds = seconds

    def lives_in(self, collector: AnyCollector, database: str | None) -> None:
        """The extension of a collector was found in that database only; None: in none any more."""
        if database is None:
            self.homes.pop(collector, None)
        else:
            self.homes[collector] = database

    def ask_in_part(self, collectors: Collection[AnyCollector]) -> None:
        """Mostly only what is shown of these is asked anew, as their answers are long."""
        self._partial = frozenset(collectors)

    # Results.

    @property
    def fast_budget(self) -> float:
        """Share of wall time that the fast lane may take."""
        return self.budget * FAST_SHARE

    @property
    def left_for_walks(self) -> float:
        """Share of wall time that walks through the databases may take."""
        return self._left.get(Scope.database, self.budget)

    def is_partial(self, collector: AnyCollector) -> bool:
        """Whether its long answers are asked in part."""
        return collector in self._partial

    def of(self, collector: AnyCollector, part: bool = False) -> float:
        """Seconds between two whole rounds as they are now, or between two that ask a part."""
        return self._at(self._level.get(collector.scope, 1.0), collector, part)

    def longest(self, collector: AnyCollector) -> float:
        """The longest pace since it was last asked: a shorter one makes no answer too old."""
        level = self._level.get(collector.scope, 1.0)
        return self._at(min(level, self._tightest.get(collector, level)), collector)

    def _at(self, level: float, collector: AnyCollector, part: bool = False) -> float:
        backed_off = self.distress - (FAST_LAST if collector.lane is Lane.fast else 0)
        pace = self._unstretched(collector, part) * 2.0 ** max(0, backed_off)
        if collector.lane is Lane.fast:
            return min(pace * self._fast, WORST)
        cost = self.costs.get((collector, part), 0.0)
        stretched = max(pace, cost / level if level else pace)
        return min(stretched, max(WORST, pace))

    def _unstretched(self, collector: AnyCollector, part: bool) -> float:
        pace = self.lanes[collector.lane]
        if collector in self._partial and not part:
            pace = max(pace, self.lanes[Lane.slow])
        is_walked = collector.scope is Scope.database or collector in self.homes
        return max(pace, self._walk_seconds) if is_walked else pace

    def _share_out(self) -> None:
        """Stretch the fast lane as one by its own cost; divide the rest between the scopes."""
        costs = {
            collector: cost
            for (collector, _), cost in self.costs.items()
            if collector.lane is Lane.fast and collector not in self.resting
        }
        pace = self.lanes[Lane.fast]
        self._fast, taken = fast_lane(costs, self._between, pace, self.fast_budget)
        rest = self.budget - taken
        shares: dict[Scope, list[float]] = {scope: [] for scope in Scope}
        for (collector, part), cost in self.costs.items():
            if collector.lane is not Lane.fast:
                shares[collector.scope].append(cost / self._unstretched(collector, part))
        # What is asked of the server and what is asked of its databases: each may have all that
        # the other leaves, and half in any case.
        wanted = {scope: min(rest / 2, sum(shares[scope])) for scope in Scope}
        self._left = {scope: rest - sum(wanted.values()) + wanted[scope] for scope in Scope}
        self._level = {scope: water_level(self._left[scope], shares[scope]) for scope in Scope}
        for collector, level in self._tightest.items():
            self._tightest[collector] = min(level, self._level[collector.scope])
