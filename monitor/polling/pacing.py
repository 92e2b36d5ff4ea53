"""Pacing: how often each collector is asked, at its lane's pace or slower where it is costly."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from collectors._base import AnyCollector, Lane, Scope
from monitor.polling.budget import fast_lane, water_level

FAST_LAST = 3
"""The fast lane starts backing off this many time-outs after the others."""
MOST_DISTRESS = 6
"""Time-outs in a row after which paces are not doubled any further."""
FAST_SHARE = 0.75
"""Share of the budget that the fast lane may take before all others: what piles up within seconds
must not be seen later because there are many relations."""
STRETCH = 4.0
"""No pace of these lanes is stretched further: a server in trouble would be looked at rarely
because it is in trouble. The others make room for them, for as long as that lasts."""
PROMPT = {Lane.fast, Lane.normal, Lane.table}
WAITED_FOR = 3.0
"""Seconds; while a session waits for a lock the fast lane's pace is not stretched beyond it."""
WORST = 3600.0
"""Seconds; no pace is stretched beyond it, as a question never asked is never answered."""


NEGLIGIBLE = 0.01
"""Share of the budget by which glances may change before the others are paced anew."""
ALIKE = 0.05
"""Part of a cost by which it may change before all are paced anew: an estimate is not as exact."""


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
    """Seconds of the server's work that a round takes, in all databases together."""
    shared_out: dict[Extent, float] = field(default_factory=dict)
    """The costs by which the paces were last made."""
    resting: set[AnyCollector] = field(default_factory=set)
    """Collectors with a shut gate: they cost nothing as long as it is."""
    leisurely: Set[AnyCollector] = frozenset()
    """Collectors of the fast lane that are asked at the pace of the normal one for now."""
    distress: int = 0
    """Time-outs in a row; each doubles all paces, the fast lane's last."""
    homes: dict[AnyCollector, str] = field(default_factory=dict)
    """Collectors that see the whole server, but only from the database with their extension."""
    _partial: frozenset[AnyCollector] = frozenset()
    _walk_seconds: float = 0.0
    _between: Mapping[AnyCollector, float] = field(default_factory=dict)
    crowding: float = 1.0
    """Factor by which prompt lanes are stretched, as one process watches too many servers."""
    glances: float = 0.0
    """Share of wall time that glances between two rounds of the fast lane take."""
    _tightest: dict[AnyCollector, float] = field(default_factory=dict)
    """The lowest level since each was asked last."""
    _fast: float = 0.0
    """Seconds to which the pace of the fast lane is stretched."""
    _left: dict[Scope, float] = field(default_factory=dict)
    """Share of wall time that the fast lane, and the other scope, leave for each."""
    _level: dict[Scope, float] = field(default_factory=dict)
    """The largest share that one collector of each scope may take."""
    _spans: dict[Extent, tuple[float, float]] = field(default_factory=dict)
    """Seconds between two rounds where nothing stretches them, and beyond which nothing does; made
    again after an event that changes them."""

    # Events.

    def answered(self, collector: AnyCollector, seconds: float | None, part: bool = False) -> None:
        """A round was answered. It costs the server these seconds of work, in all databases
        together; None: not known yet. `part`: only what is quick."""
        self.distress = 0
        if seconds is None:
            return
        before = self.shared_out.get((collector, part))
        is_known = before is not None and abs(seconds - before) <= ALIKE * before
        is_news = not is_known or collector in self.resting
        self.costs[collector, part] = seconds
        self.resting.discard(collector)
        self._tightest[collector] = self._level.get(collector.scope, 1.0)
        if is_news:
            self._share_out()

    def timed_out(self) -> None:
        """A round was not answered in time."""
        self.distress = min(MOST_DISTRESS, self.distress + 1)

    def rests(self, collector: AnyCollector) -> None:
        """A gate is shut: this collector need not be asked for now."""
        if collector not in self.resting:
            self.resting.add(collector)
            self._share_out()

    def asks_at_leisure(self, collectors: Set[AnyCollector]) -> None:
        """Nothing depends on the newest second of these of the fast lane for now."""
        if collectors != self.leisurely:
            self.leisurely = collectors
            self._spans.clear()
            self._share_out()

    def asks_between(self, paces: Mapping[AnyCollector, float]) -> None:
        """Collectors are asked between two rounds too, this many seconds apart; empty: none is."""
        if paces != self._between:
            self._between = paces
            self._spans.clear()
            self._share_out()

    def glances_take(self, share: float) -> None:
        """Glances between two rounds of the fast lane take that share of wall time."""
        if abs(share - self.glances) > NEGLIGIBLE * self.budget:
            self.glances = share
            self._share_out()

    def crowded(self, factor: float) -> None:
        """The process has too little time for all its servers: prompt lanes are that much rarer."""
        self.crowding = factor

    def on_tour(self, seconds: float) -> None:
        """A walk through all databases takes that long: nothing is asked more often in each."""
        if seconds != self._walk_seconds:
            self._walk_seconds = seconds
            self._spans.clear()
            self._share_out()

    def lives_in(self, collector: AnyCollector, database: str | None) -> None:
        """The extension of a collector was found in that database only; None: in none any more."""
        self._spans.clear()
        if database is None:
            self.homes.pop(collector, None)
        else:
            self.homes[collector] = database

    def ask_in_part(self, collectors: Set[AnyCollector]) -> None:
        """Mostly only what is shown of these is asked anew, as their answers are long."""
        if self._partial != collectors:
            self._partial = frozenset(collectors)
            self._spans.clear()
            self._share_out()

    # Results.

    @property
    def fast_budget(self) -> float:
        """Share of wall time that the fast lane may take, besides its glances."""
        return self.budget * FAST_SHARE - self.glances

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

    def stretches(self) -> dict[Lane, float]:
        """The factor by which the pace of each lane is stretched, at most."""
        found = dict.fromkeys(self.lanes, 1.0)
        for collector, part in self.costs:
            stretch = self.of(collector, part) / self.unstretched(collector, part)
            lane = self._lane(collector)
            found[lane] = max(found[lane], stretch)
        return found

    def _lane(self, collector: AnyCollector) -> Lane:
        """The lane at whose pace it is asked."""
        return Lane.normal if collector in self.leisurely else collector.lane

    def longest(self, collector: AnyCollector) -> float:
        """The longest pace since it was last asked: a shorter one makes no answer too old."""
        level = self._level.get(collector.scope, 1.0)
        return self._at(min(level, self._tightest.get(collector, level)), collector)

    def _at(self, level: float, collector: AnyCollector, part: bool = False) -> float:
        lane = self._lane(collector)
        is_fast = lane is Lane.fast
        backed_off = self.distress - (FAST_LAST if is_fast else 0)
        unstretched, longest = self._span((collector, part))
        if is_fast:
            stretched = max(unstretched, self._fast)
        else:
            stretched = max(unstretched, self.costs.get((collector, part), 0.0) / level)
        stretched = max(stretched, unstretched * self._crowding(lane))
        return min(max(stretched, unstretched * 2.0 ** max(0, backed_off)), longest)

    def _span(self, extent: Extent) -> tuple[float, float]:
        found = self._spans.get(extent)
        if found is None:
            unstretched = self.unstretched(*extent)
            found = self._spans[extent] = unstretched, self._longest(extent[0], unstretched)
        return found

    def _longest(self, collector: AnyCollector, unstretched: float) -> float:
        """Seconds beyond which its pace is not stretched."""
        if collector.lane not in PROMPT:
            return max(WORST, unstretched)
        if self._lane(collector) is Lane.fast and self._between:
            return min(STRETCH * unstretched, max(WAITED_FOR, unstretched))
        return STRETCH * unstretched

    def unstretched(self, collector: AnyCollector, part: bool = False) -> float:
        """Seconds between two rounds where nothing makes them rarer."""
        pace = self.lanes[self._lane(collector)]
        if collector in self._partial and not part:
            pace = max(pace, self.lanes[Lane.slow])
        is_walked = collector.scope is Scope.database or collector in self.homes
        return max(pace, self._walk_seconds) if is_walked else pace

    def ordinary(self, collector: AnyCollector) -> float:
        """Seconds between two rounds where nothing on this server makes them rarer."""
        return self.unstretched(collector) * self._crowding(self._lane(collector))

    def _crowding(self, lane: Lane) -> float:
        return self.crowding if lane in PROMPT else 1.0

    def _share_out(self) -> None:
        """Stretch the fast lane as one by its own cost; divide the rest between the scopes."""
        self.shared_out = dict(self.costs)
        costs: dict[AnyCollector, float] = {}
        shares: dict[Scope, list[tuple[float, float]]] = {scope: [] for scope in Scope}
        for extent, cost in self.costs.items():  # one loop, as this is done after many answers
            collector = extent[0]
            if self._lane(collector) is not Lane.fast:
                unstretched, most = self._span(extent)
                shares[collector.scope].append((cost / unstretched, cost / most))
            elif collector not in self.resting:
                costs[collector] = cost
        pace = self.lanes[Lane.fast]
        longest = max((self._longest(collector, pace) for collector in costs), default=pace)
        self._fast, taken = fast_lane(costs, self._between, pace, longest, self.fast_budget)
        rest = self.budget - self.glances - min(taken, self.fast_budget)
        # What is asked of the server and what is asked of its databases: each may have all that
        # the other leaves, and half in any case.
        wanted = {scope: min(rest / 2, sum(share for share, _ in shares[scope])) for scope in Scope}
        self._left = {scope: rest - sum(wanted.values()) + wanted[scope] for scope in Scope}
        self._level = {scope: water_level(self._left[scope], shares[scope]) for scope in Scope}
        for collector, level in self._tightest.items():
            if self._level[collector.scope] < level:
                self._tightest[collector] = self._level[collector.scope]
