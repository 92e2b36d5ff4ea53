"""Sharing a load budget: how much of wall time each of several recurring costs may take."""

from collections.abc import Iterable, Mapping

from collectors._base import AnyCollector


def fast_lane(
    costs: Mapping[AnyCollector, float],
    between: Mapping[AnyCollector, float],
    pace: float,
    budget: float,
) -> tuple[float, float]:
    """The factor that stretches the pace of the fast lane, and the share of wall time it takes.

    `costs` and `between` (the pace of what is asked between two rounds) are seconds.
    """
    stretch = max(1.0, sum(costs.values()) / pace / budget)
    ordinary = pace * stretch
    taken = sum(cost / min(ordinary, between.get(of, ordinary)) for of, cost in costs.items())
    return stretch, min(taken, budget)


def water_level(budget: float, shares: Iterable[float]) -> float:
    """The largest share that one cost may take so that all stay within the budget.

    Small ones keep theirs; only those above the level are cut down to it. 1.0: none need be.
    """
    left, ordered = budget, sorted(shares)
    for index, share in enumerate(ordered):
        level = left / (len(ordered) - index)
        if share > level:
            return level
        left -= share
    return 1.0
