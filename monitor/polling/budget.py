"""Sharing a load budget: how much of wall time each of several recurring costs may take."""

from collections.abc import Iterable


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
