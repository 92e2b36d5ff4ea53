"""Sharing a load budget: how much of wall time each of several recurring costs may take."""

from collections.abc import Iterable, Mapping, Sequence

from collectors._base import AnyCollector

LEAST = 0.1
"""Share of a budget that is never given away, as a question never asked is never answered."""


def fast_lane(
    costs: Mapping[AnyCollector, float],
    between: Mapping[AnyCollector, float],
    pace: float,
    longest: float,
    budget: float,
) -> tuple[float, float]:
    """The pace of the fast lane as it is stretched, and the share of wall time that it takes.

    `costs`, `between` (the pace of what is asked between two rounds) and `longest` are seconds.
    """
    ordinary = min(longest, max(pace, sum(costs.values()) / budget))
    taken = sum(cost / min(ordinary, between.get(of, ordinary)) for of, cost in costs.items())
    return ordinary, taken


def water_level(budget: float, shares: Iterable[tuple[float, float]]) -> float:
    """The largest share that one cost may take so that all stay within the budget.

    Each has the share that it wants, and the least that it can be cut down to. Small ones keep
    theirs; only those above the level are cut down to it. 1.0: none need be.
    """
    wanted = sorted(shares)
    if sum(share for share, _ in wanted) <= budget:
        return 1.0
    left, level = budget, 1.0
    while wanted:
        level = min(level, _level(max(left, LEAST * budget), [share for share, _ in wanted]))
        firm = [least for _, least in wanted if least > level]
        if not firm:
            break
        wanted = [(share, least) for share, least in wanted if least <= level]
        left -= sum(firm)
    return level


def _level(budget: float, ordered: Sequence[float]) -> float:
    left = budget
    for index, share in enumerate(ordered):
        level = left / (len(ordered) - index)
        if share > level:
            return level
        left -= share
    return 1.0
