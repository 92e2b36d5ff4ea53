"""Agenda: which collectors are due on a server or in a database, the most overdue first."""

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.history.recorder import Recorder
from alerts.locks.order import LOCK_ORDER, NAMING
from collectors._base import AnyCollector, Lane
from monitor.clock import Clock
from monitor.polling.pacing import Pacing
from monitor.polling.round_log import RoundLog

NAMED = {collector: place for place, collector in enumerate(NAMING)}
"""Place of those that name the relations of locks, tables first."""
SOON = 5.0
"""Seconds between two readings of tables while a lock is held on one whose name is not known."""


@dataclass(slots=True)
class Agenda:
    """Agenda of one server."""

    clock: Clock
    pacing: Pacing
    round_log: RoundLog
    recorder: Recorder

    def due(
        self, collectors: Iterable[AnyCollector], database: str | None = None
    ) -> list[AnyCollector]:
        """Return the due collectors, by overdue time ÷ pace, so that none is postponed for ever.

        Among equals, as where nothing has been asked yet, those that name the relations of locks
        come first, and the others keep the given order.
        """
        overdue = {collector: self._overdue(collector, database) for collector in collectors}
        due = {collector: passed for collector, passed in overdue.items() if passed is not None}
        return sorted(due, key=lambda one: (-due[one], NAMED.get(one, len(NAMED))))

    def is_due(self, collector: AnyCollector, database: str | None = None) -> bool:
        return self._overdue(collector, database) is not None

    def is_walk_due(self, begun: float) -> bool:
        """Whether databases should be visited again after a walk that began then (unix seconds)."""
        pace = SOON if self.unnamed() else self.pacing.lanes[Lane.table]
        return self.clock.now() - begun >= 0.95 * pace

    def unnamed(self) -> frozenset[str]:
        """Databases in which a table is locked that was created after their newest answer."""
        learned = self.recorder.view(LOCK_ORDER, self.clock.now())
        return learned.nameless if learned else frozenset()

    def _overdue(self, collector: AnyCollector, database: str | None) -> float | None:
        pace = self._pace(collector, database)
        return self.round_log.of(collector, database).overdue(self.clock.now(), pace)

    def _pace(self, collector: AnyCollector, database: str | None) -> float:
        # Small databases keep the pace of a partial refresh even where a large one has it.
        pace = self.pacing.of(collector, self.pacing.is_partial(collector))
        is_cheap = pace <= self.pacing.lanes[collector.lane]
        if collector in NAMING and is_cheap and database in self.unnamed():
            return min(pace, SOON)
        return pace
