"""The round log: when each collector was asked, what it brought, what it cost, why it failed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors._base import AnyCollector
from monitor.polling.work_estimate import WorkEstimates
from monitor.reading import ReadFailure

FIRST = 30.0
"""Seconds: a question that has failed is asked again after twice its pace, or twice this where its
pace is longer; after each further failure it waits twice as long."""
LONGEST = 600.0
"""Seconds beyond which it does not wait, unless its own pace is longer."""
REFUSED = 3600.0
"""Seconds that a refusal is remembered, unless a right appears or the session is a new one."""


@dataclass(slots=True)
class RoundStatus:
    """Status of one collector on one server, or in one of its databases. Times: unix seconds."""

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
    is_expected: bool = False
    """Whether there is nothing to read: on that role or version, or without an extension."""

    def overdue(self, now: float, pace: float) -> float | None:
        """Paces that have passed since it was last asked; None while it is not due."""
        if now < self.not_before:
            return None
        passed = float("inf") if self.asked is None else (now - self.asked) / pace
        # Half a tick of tolerance: a round that comes a moment early is not one that comes late.
        # What has failed is due when it has waited for that, behind all that is late by its pace.
        return passed if passed >= 0.95 or self.failures else None

    def success(self, now: float, duration: float, rows: int) -> None:
        self.succeeded, self.duration, self.rows = now, duration, rows
        self.error, self.failing_since, self.failures, self.not_before = None, None, 0, 0.0
        self.is_expected = False

    def failure(self, now: float, pace: float, failure: ReadFailure) -> None:
        self.error, self.is_expected = failure.message, False
        self.failing_since = self.failing_since or now
        self.failures += 1
        backed_off = min(pace, FIRST) * 2.0 ** min(self.failures, 16)
        wait = REFUSED if failure.refused else min(max(LONGEST, pace), backed_off)
        if not failure.lost:
            self.not_before = now + wait * random.uniform(0.8, 1)

    def absence(self, now: float, reason: str, is_expected: bool = False) -> None:
        """Note that it was not asked, for a known reason."""
        self.asked, self.succeeded, self.error = now, None, reason
        self.is_expected, self.failing_since = is_expected, self.failing_since or now
        self.failures, self.not_before = 0, 0.0
        if is_expected:
            self.failing_since = None

    def unreached(self, now: float, pace: float, reason: str) -> None:
        """Note that there was no session to ask it on: it stays due, after a pace of its own."""
        asked = self.asked
        self.absence(now, reason)
        self.asked, self.not_before = asked, now + 0.95 * pace


@dataclass(slots=True)
class RoundLog:
    """All entries of one server: by collector, and by database where the scope is one."""

    statuses: dict[AnyCollector, dict[str | None, RoundStatus]] = field(default_factory=dict)
    elapsed: float = 0.0
    """Seconds that the server took to answer us."""
    work: float = 0.0
    """Seconds of its own work in that time, an estimate."""
    walk_work: float = 0.0
    """Those of them spent in its databases, one by one."""
    estimates: WorkEstimates = field(default_factory=WorkEstimates)
    rounds_left_out: int = 0
    """Rounds that say nothing about the server's work, because the machine was busy."""

    def of(self, collector: AnyCollector, database: str | None = None) -> RoundStatus:
        return self.statuses.setdefault(collector, {}).setdefault(database, RoundStatus())

    def parts(self, collector: AnyCollector) -> list[RoundStatus]:
        return list(self.statuses.get(collector, {}).values())

    def entries(self) -> Iterator[tuple[AnyCollector, str | None, RoundStatus]]:
        for collector, statuses in self.statuses.items():
            for database, status in statuses.items():
                yield collector, database, status

    def spend(self, elapsed: float, work: float, in_walk: bool) -> None:
        """Add to the time that the server has spent on us, in seconds."""
        self.elapsed += elapsed
        self.work += work
        self.walk_work += work if in_walk else 0.0

    def forgive(self, database: str | None = None) -> None:
        """After a new session or new rights: what failed is due again, there or everywhere."""
        for _, where, status in self.entries():
            if status.error and database in (None, where):
                status.asked, status.not_before = None, 0.0

    def forget_times(self) -> None:
        """Make everything due at once: what was known is no longer true."""
        for _, _, status in self.entries():
            status.asked, status.not_before = None, 0.0

    def drop(self, database: str) -> None:
        """Forget a database that no longer exists."""
        for statuses in self.statuses.values():
            statuses.pop(database, None)
        self.estimates.forget(database)

    def drop_whole(self, collector: AnyCollector) -> None:
        """Forget that combining the answers of all databases has failed: it works again."""
        self.statuses.get(collector, {}).pop(None, None)
