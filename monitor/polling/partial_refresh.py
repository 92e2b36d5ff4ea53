"""Long answers are asked in part: what is shown of them often, all of them now and then.

Dashboards want the rates of what has series; judges and sums can do with whole answers at the
slow lane's pace.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors._base import AnyCollector
from monitor.polling.answers import Answers
from monitor.polling.pacing import Pacing
from monitor.polling.sink import Served

EARLY = 0.95
"""A whole answer is asked for anew when so much of its pace has passed: visits come by chance."""
Place = tuple[AnyCollector, str]
"""A collector, and a database."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The part of a long answer that has series of its own."""

    answer: Sequence[Any]
    at: float
    tables: frozenset[int]


@dataclass(slots=True)
class PartialRefresh:
    """The answers of one server that are so long, each with what is shown of it."""

    facts: Answers
    paces: Pacing
    known: dict[Place, Shown] = field(default_factory=dict)

    def is_short(self, collector: AnyCollector, database: str | None) -> bool:
        """Whether that database's answer is short, and that of another one is long."""
        return collector in self.paces.in_part and (collector, database or "") not in self.known

    def count(self, collector: AnyCollector) -> int:
        """The databases of which it is asked in part."""
        return sum(of is collector for of, _ in self.known)

    def tables(
        self, collector: AnyCollector, database: str | None, now: float
    ) -> frozenset[int] | None:
        """Those to ask for while the whole answer is young; None asks for all."""
        shown = self.known.get((collector, database or ""))
        if shown is None or not self.facts.holds(collector, database or "", shown.answer):
            return None
        return shown.tables if now - shown.at < self.paces.of(collector) * EARLY else None

    def note(
        self,
        collector: AnyCollector,
        database: str | None,
        answer: Sequence[Any],
        served: Served,
        now: float,
    ) -> None:
        """A whole answer has come, and some of it is shown."""
        tables = frozenset(row.relid for row in served.shown)
        self.known[collector, database or ""] = Shown(answer, now, tables)
        self.known = {
            place: shown
            for place, shown in self.known.items()
            if shown.tables and self.facts.holds(*place, shown.answer)
        }
        self.paces.in_part = {collector for collector, _ in self.known}
