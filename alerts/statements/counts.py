"""Counts: all counters of one answer of pg_stat_statements, and what they grew by until the next.

Entries are evicted, reset and made anew at any time. An entry that is new has counted nothing but
what happened since the answer before, so its whole count is an increase.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.statements.uses import COUNTERS, UNKNOWN, Key, Uses
from collectors._base import Answer
from collectors._columns import column
from collectors.stat_statements import Statement, stat_statements

CALLS, SECONDS, SQUARES, PLANS, ROWS = (
    COUNTERS.index(name) for name in ("calls", "seconds", "square_seconds", "plans", "rows")
)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counters of one answer, as columns."""

    at: float
    reset: float | None
    """When all counters were last reset (unix seconds)."""
    places: Mapping[Key, int]
    columns: tuple[Sequence[float], ...]
    entries: Sequence[int]
    since: Sequence[float | None]

    @classmethod
    def of(cls, answer: Answer[Statement], shared: dict[Key, Key]) -> "Counts":
        """Read an answer; `shared` has each key once, for all that is kept of several answers."""
        rows = answer.rows
        keys = zip(*(column(rows, name) for name in stat_statements.key), strict=True)
        resets = column(rows, "stats_reset")
        return cls(
            answer.at,
            resets[0] if resets else None,
            {shared.setdefault(key, key): place for place, key in enumerate(keys)},
            tuple(_numbers(column(rows, name)) for name in COUNTERS),
            bytes(column(rows, "entries")),
            column(rows, "stats_since"),
        )

    def uses_since(self, before: "Counts") -> Uses:
        """Return what every statement that was executed since did."""
        found = list(self._used(before))
        keys = [key for key, _, _ in found]
        columns = [
            [new[place] - (old[was] if was is not None else 0.0) for _, place, was in found]
            for new, old in zip(self.columns, before.columns, strict=True)
        ]
        return Uses(before.at, self.at, keys, columns)

    def _used(self, before: "Counts") -> Iterator[tuple[Key, int, int | None]]:
        """Yield key, place, and place before of what has grown; no place before if it is new."""
        calls, plans = self.columns[CALLS], self.columns[PLANS]
        old_calls, old_plans = before.columns[CALLS], before.columns[PLANS]
        known = before.places if self.reset == before.reset else {}
        for key, place in self.places.items():
            was = known.get(key)
            if was is None:
                if calls[place] or plans[place]:
                    yield key, place, None
            elif calls[place] != old_calls[was] or plans[place] != old_plans[was]:
                is_new = self._began_anew(place, before, was)
                if not is_new:
                    yield key, place, was
                elif self.entries[place] == before.entries[was] == 1:
                    yield key, place, None
                # Else one of its two entries was evicted: what the other did can't be told.

    def _began_anew(self, place: int, before: "Counts", was: int) -> bool:
        if self.entries[place] == 1 and self.since[place] != before.since[was]:
            return True
        return any(
            self.columns[index][place] < before.columns[index][was]
            for index in (CALLS, SECONDS, SQUARES, PLANS, ROWS)
        )


def _numbers(values: Sequence[float | None]) -> Sequence[float]:
    """Pack a counter; None, where the extension does not have it, becomes NaN."""
    return array("d", [UNKNOWN if value is None else value for value in values])
