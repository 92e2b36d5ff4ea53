"""The books of the rounds: what each collector brought and when, what it cost, why it failed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors._base import AnyCollector
from monitor.postgres.errors import QueryFailure

LONGEST = 600.0
"""Seconds after which a question that fails again and again is asked once more."""
REFUSED = 3600.0
"""Seconds that a refusal is remembered, unless a right appears or the session is a new one."""


@dataclass(slots=True)
class RoundStatus:
    """How one collector fared on one server, or in one of its databases. Times: unix seconds."""

    asked: float | None = None
    succeeded: float | None = None
    duration: float | None = None
    rows: int | None = None
    left_out: int = 0
    duplicates: int = 0
    error: str | None = None
    failing_since: float | None = None
    failures: int = 0
    not_before: float = 0.0

    def is_due(self, now: float, pace: float) -> bool:
        # Half a tick of tolerance: a round that comes a moment early is not one that comes late.
        return now >= self.not_before and (self.asked is None or now - self.asked >= pace * 0.95)

    def success(self, now: float, duration: float, rows: int) -> None:
        self.succeeded, self.duration, self.rows = now, duration, rows
        self.error, self.failing_since, self.failures, self.not_before = None, None, 0, 0.0

    def failure(self, now: float, pace: float, failure: QueryFailure) -> None:
        self.error = failure.message
        self.failing_since = self.failing_since or now
        self.failures += 1
        wait = REFUSED if failure.refused else min(LONGEST, pace * 2**self.failures)
        if not failure.lost:
            self.not_before = now + wait * random.uniform(0.8, 1)

    def absence(self, now: float, reason: str) -> None:
        """It was not asked, for a known reason."""
        self.asked, self.succeeded, self.error = now, None, reason
        self.failing_since = self.failing_since or now


@dataclass(slots=True)
class RoundLog:
    """All entries of one server: by collector, and by database where the scope is one."""

    books: dict[AnyCollector, dict[str | None, RoundStatus]] = field(default_factory=dict)

    def of(self, collector: AnyCollector, database: str | None = None) -> RoundStatus:
        return self.books.setdefault(collector, {}).setdefault(database, RoundStatus())

    def parts(self, collector: AnyCollector) -> list[RoundStatus]:
        return list(self.books.get(collector, {}).values())

    def entries(self) -> Iterator[tuple[AnyCollector, str | None, RoundStatus]]:
        for collector, book in self.books.items():
            for database, entry in book.items():
                yield collector, database, entry

    def forgive(self, database: str | None = None) -> None:
        """New session, new rights: what brought nothing is due again, there or everywhere."""
        for _, where, entry in self.entries():
            if entry.error and database in (None, where):
                entry.asked, entry.not_before = None, 0.0

    def forget_times(self) -> None:
        """Everything is due at once: what was known is no longer true."""
        for _, _, entry in self.entries():
            entry.asked, entry.not_before = None, 0.0

    def drop(self, database: str) -> None:
        """A database is gone."""
        for book in self.books.values():
            book.pop(database, None)
