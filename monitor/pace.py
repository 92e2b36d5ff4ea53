"""How often each collector is asked: its lane's pace, stretched where it costs too much."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors._base import Collector, Lane

MEMORY = 0.3
"""Weight of the newest round in the running mean of a collector's cost."""
FAST_LAST = 3
"""So many time-outs later than the others the fast lane backs off."""
WORST = 3600.0
"""No pace is stretched beyond an hour: a question never asked is a question never answered."""


@dataclass(slots=True)
class Paces:
    """The effective paces of all collectors on one server, in seconds."""

    lanes: Mapping[Lane, float]
    budget: float
    """Share of wall time that all rounds together may take on the server."""
    costs: dict[Collector[Any], float] = field(default_factory=dict)
    """Seconds of server time that a round takes, a running mean."""
    distress: int = 0
    """Time-outs in a row; each doubles all paces, the fast lane's last."""
    tour: float = 0.0
    """Seconds that a walk through all databases takes; it can't be asked more often."""
    _level: float = 1.0

    def spent(self, collector: Collector[Any], seconds: float) -> None:
        """Take note of what a round cost."""
        before = self.costs.get(collector, seconds)
        self.costs[collector] = before + MEMORY * (seconds - before)
        self._level = self._water_level()

    def of(self, collector: Collector[Any]) -> float:
        """Seconds between two rounds as they are now."""
        backed_off = self.distress - (FAST_LAST if collector.lane is Lane.fast else 0)
        pace = self.lanes[collector.lane] * 2.0 ** max(0, backed_off)
        cost = self.costs.get(collector, 0.0)
        stretched = max(pace, cost / self._level if self._level else pace)
        if collector.scope == "database":
            stretched = max(stretched, self.tour)
        return min(stretched, max(WORST, pace))

    def _water_level(self) -> float:
        """The largest share that one collector may take so that all stay within the budget.

        Cheap ones keep their pace; only those above the level are stretched down to it.
        """
        shares = sorted(cost / self.lanes[c.lane] for c, cost in self.costs.items())
        left = self.budget
        for position, share in enumerate(shares):
            level = left / (len(shares) - position)
            if share > level:
                return level
            left -= share
        return 1.0
