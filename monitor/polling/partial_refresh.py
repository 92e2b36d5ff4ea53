"""Partial refresh: rows with their own series at the normal pace, the whole answer at the slow one.

Dashboards want the rates of what has series; judges and sums can do with whole answers at the
slow lane's pace.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors._base import AnyCollector
from monitor.clock import Clock
from monitor.polling.answers import Answers
from monitor.polling.pacing import Pacing
from monitor.polling.sink import Served

EARLY = 0.95
"""Share of its pace after which a whole answer is asked for anew: visits are not punctual."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The part of a long answer that has series of its own."""

    answer: Sequence[Any]
    at: float
    tables: frozenset[int]


@dataclass(slots=True)
class PartialRefresh:
    """The long answers of one server, each with what is shown of it."""

    clock: Clock
    answers: Answers
    pacing: Pacing
    known: dict[tuple[AnyCollector, str], Shown] = field(default_factory=dict)
    """By collector and database."""

    def is_short(self, collector: AnyCollector, database: str | None) -> bool:
        """Whether that database's answer is short, and that of another one is long."""
        is_long = (collector, database or "") in self.known
        return self.pacing.is_partial(collector) and not is_long

    def count(self, collector: AnyCollector) -> int:
        """The number of databases with a long answer."""
        return sum(of is collector for of, _ in self.known)

    def tables(self, collector: AnyCollector, database: str | None) -> frozenset[int] | None:
        """The tables to ask about while the whole answer is young; None: all."""
        shown = self.known.get((collector, database or ""))
        if shown is None or not self.answers.is_newest(collector, database or "", shown.answer):
            return None
        is_young = self.clock.now() - shown.at < self.pacing.of(collector) * EARLY
        return shown.tables if is_young else None

    def note(
        self, collector: AnyCollector, database: str | None, answer: Sequence[Any], served: Served
    ) -> None:
        """Remember which part of a whole answer is shown."""
        tables = frozenset(row.relid for row in served.shown)
        self.known[collector, database or ""] = Shown(answer, self.clock.now(), tables)
        self.known = {
            of: shown
            for of, shown in self.known.items()
            if shown.tables and self.answers.is_newest(*of, shown.answer)
        }
        self.pacing.ask_in_part({collector for collector, _ in self.known})
