"""How often each collector is asked: its lane's pace, stretched where it costs too much."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from collectors._base import AnyCollector, Lane, Scope

MEMORY = 0.3
"""Weight of the newest round in the running mean of a collector's cost."""
FAST_LAST = 3
"""So many time-outs later than the others the fast lane backs off."""
FAST_SHARE = 0.75
"""Of the budget the fast lane may take so much, and before all others: what piles up within seconds
is not to be seen later because relations are many."""
RECENT = 5
"""The least of so many rounds is what one costs in the fast lane. What others took longer they have
waited for a processor: a server in trouble would be looked at rarely because it is in trouble."""
WORST = 3600.0
"""No pace is stretched beyond an hour: a question never asked is a question never answered."""


Question = tuple[AnyCollector, bool]
"""Of a collector the whole (False); or what is quick: only the part of it that is shown, and the
whole of databases where that is short (True)."""


@dataclass(slots=True)
class Pacing:
    """The effective paces of all collectors on one server, in seconds."""

    lanes: Mapping[Lane, float]
    budget: float
    """Share of wall time that all rounds together may take on the server."""
    costs: dict[Question, float] = field(default_factory=dict)
    """Seconds of server time that a round takes, a running mean; in the fast lane the least."""
    in_part: set[AnyCollector] = field(default_factory=set)
    """Those with answers so long that mostly only what is shown of them is asked anew."""
    distress: int = 0
    """Time-outs in a row; each doubles all paces, the fast lane's last."""
    tour: float = 0.0
    """Seconds that a walk through all databases takes: nothing is asked more often in each."""
    walked: dict[AnyCollector, str] = field(default_factory=dict)
    """Those that see the whole server, but from that database only: an extension lives there."""
    hurried: Mapping[AnyCollector, float] = field(default_factory=dict)
    """Those that are asked between two rounds too, and how many seconds apart."""
    resting: set[AnyCollector] = field(default_factory=set)
    """Those whose gate is shut: they cost nothing as long as it is."""
    _tightest: dict[AnyCollector, float] = field(default_factory=dict)
    """The lowest level since each was asked last."""
    _fast: float = 1.0
    _recent: dict[AnyCollector, deque[float]] = field(default_factory=dict)
    _left: dict[Scope, float] = field(init=False)
    """Share of wall time that the fast lane, and the other scope, leave for each."""
    _level: dict[Scope, float] = field(init=False)

    def __post_init__(self) -> None:
        self._share_out()

    @property
    def fast_budget(self) -> float:
        """Share of wall time that the fast lane may take."""
        return self.budget * FAST_SHARE

    def spent(self, collector: AnyCollector, seconds: float, part: bool = False) -> None:
        """Take note of what a round cost; `part` says that it asked for what is shown only."""
        if collector.lane is Lane.fast:
            recent = self._recent.setdefault(collector, deque(maxlen=RECENT))
            recent.append(seconds)
            self.costs[collector, part] = min(recent)
        else:
            before = self.costs.get((collector, part), seconds)
            self.costs[collector, part] = before + MEMORY * (seconds - before)
        self.resting.discard(collector)
        self._tightest[collector] = 1.0
        self._share_out()

    def rests(self, collector: AnyCollector) -> None:
        """Take note that it need not be asked for now."""
        if collector not in self.resting:
            self.resting.add(collector)
            self._share_out()

    def hurry(self, paces: Mapping[AnyCollector, float]) -> None:
        """Take note of who is asked between two rounds; empty when nobody is any more."""
        if paces != self.hurried:
            self.hurried = paces
            self._share_out()

    def of(self, collector: AnyCollector, part: bool = False) -> float:
        """Seconds between two whole rounds as they are now, or between two that ask a part."""
        return self._at(self._level[collector.scope], collector, part)

    def longest(self, collector: AnyCollector) -> float:
        """The longest pace since it was last asked: a shorter one makes no answer too old."""
        level = self._level[collector.scope]
        return self._at(min(level, self._tightest.get(collector, level)), collector)

    def _at(self, level: float, collector: AnyCollector, part: bool = False) -> float:
        backed_off = self.distress - (FAST_LAST if collector.lane is Lane.fast else 0)
        pace = self._unstretched(collector, part) * 2.0 ** max(0, backed_off)
        if collector.lane is Lane.fast:
            return min(pace * self._fast, WORST)
        cost = self.costs.get((collector, part), 0.0)
        stretched = max(pace, cost / level if level else pace)
        return min(stretched, max(WORST, pace))

    @property
    def left_for_walks(self) -> float:
        """Share of wall time that walks through the databases may take."""
        return self._left[Scope.database]

    def _unstretched(self, collector: AnyCollector, part: bool) -> float:
        pace = self.lanes[collector.lane]
        is_rare = collector in self.in_part and not part
        if is_rare:
            pace = max(pace, self.lanes[Lane.slow])
        on_tour = collector.scope is Scope.database or collector in self.walked
        return max(pace, self.tour) if on_tour else pace

    def _share_out(self) -> None:
        """The fast lane is stretched as one, by what it costs itself; the others get the rest."""
        costs = {
            collector: cost
            for (collector, _), cost in self.costs.items()
            if collector.lane is Lane.fast and collector not in self.resting
        }
        lane = self.lanes[Lane.fast]
        self._fast = max(1.0, sum(costs.values()) / lane / self.fast_budget)
        ordinary = lane * self._fast
        taken = sum(c / min(ordinary, self.hurried.get(of, ordinary)) for of, c in costs.items())
        rest = self.budget - min(taken, self.fast_budget)
        # What is asked of the server and what is asked of its databases: each may have all that
        # the other leaves, and half in any case.
        wanted = {scope: min(rest / 2, sum(self._shares(scope))) for scope in Scope}
        self._left = {scope: rest - sum(wanted.values()) + wanted[scope] for scope in Scope}
        self._level = {scope: self._water_level(scope) for scope in Scope}
        for collector, level in self._tightest.items():
            self._tightest[collector] = min(level, self._level[collector.scope])

    def _shares(self, scope: Scope) -> list[float]:
        """Of wall time, for each question but the fast lane's, if it kept its pace."""
        return [
            cost / self._unstretched(*of)
            for of, cost in self.costs.items()
            if of[0].scope is scope and of[0].lane is not Lane.fast
        ]

    def _water_level(self, scope: Scope) -> float:
        """The largest share that one collector may take so that all stay within what is left.

        Cheap ones keep their pace; only those above the level are stretched down to it.
        """
        left = self._left[scope]
        shares = sorted(self._shares(scope))
        for position, share in enumerate(shares):
            level = left / (len(shares) - position)
            if share > level:
                return level
            left -= share
        return 1.0
