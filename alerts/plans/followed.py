"""Followed: which statements are worth a history, as there may be thousands.

Those with the most time and the most calls since the reset, and those that did most lately: one
that became heavy today would take weeks to be among the first. A statement that is followed stays
for a while after others did more, or its history would begin anew each time.
"""

from collections.abc import Collection, Iterator, Sequence
from heapq import nlargest
from operator import itemgetter

from alerts.history.keys import Key
from alerts.history.samples import HOUR
from collectors._base import AnyAnswer
from collectors._columns import column
from collectors.stat_statements import stat_statements

BY = ("seconds", "calls")
"""What they are ranked by: a cheap one with many calls may become expensive."""
FIRST = 300
"""Statements by each of them while nothing is known of what was lately."""
ALWAYS = 150
"""By the whole count,"""
LATELY = 150
"""by what was lately,"""
STAYING = 250
"""and down to this place by what was lately if they are followed already."""
HALF = HOUR
"""Seconds after which what was done counts half."""
Counts = tuple[float, ...]


class Followed:
    """Ranks the statements of one server."""

    def __init__(self) -> None:
        self._counts: dict[Key, Counts] = {}
        self._recent: dict[Key, Counts] = {}
        self._at: float | None = None

    def choose(self, answer: AnyAnswer, tracked: Collection[Key]) -> list[int]:
        """Return the places of the rows to follow, those with the most time first."""
        rows = answer.rows
        keys: list[Key] = list(zip(*(column(rows, n) for n in stat_statements.key), strict=True))
        columns = [column(rows, name) for name in BY]
        is_first = self._at is None
        self._learn(keys, columns, answer.at)
        chosen = dict[int, None]()
        for number, values in enumerate(columns):
            chosen |= dict.fromkeys(_top(values, FIRST if is_first else ALWAYS))
            lately = [self._recent[key][number] for key in keys]
            for rank, place in enumerate(_top(lately, STAYING)):
                is_wanted = rank < LATELY or keys[place] in tracked
                if is_wanted and lately[place] > 0:
                    chosen[place] = None
        return sorted(chosen, key=lambda place: columns[0][place], reverse=True)

    def _learn(self, keys: Sequence[Key], columns: Sequence[Sequence[float]], at: float) -> None:
        known, recent = self._counts, self._recent
        is_first, passed = self._at is None, max(0.0, at - (self._at or at))
        fade, nothing = 0.5 ** (passed / HALF), (0.0,) * len(columns)
        self._at, self._counts, self._recent = at, {}, {}
        for key, *now in zip(keys, *columns, strict=True):
            counts = tuple(now)
            # What is new, or was reset, has counted nothing but what was lately.
            before = known.get(key, counts if is_first else nothing)
            grown = (
                new - old if new >= old else new for new, old in zip(counts, before, strict=True)
            )
            was = recent.get(key, nothing)
            self._counts[key] = counts
            self._recent[key] = tuple(
                fade * old + more for old, more in zip(was, grown, strict=True)
            )


def _top(values: Sequence[float], count: int) -> Iterator[int]:
    ranked = nlargest(count, enumerate(values), key=itemgetter(1))
    return (place for place, _ in ranked)
