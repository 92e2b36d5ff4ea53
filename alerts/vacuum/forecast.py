"""Forecast of autovacuum: the hours that were recorded are played again, with any triggers."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.vacuum.churn import HOUR, Hour
from alerts.vacuum.trigger import Triggers

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows a second within one hour of the day that is played."""

    dead: float
    inserted: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecast of autovacuum's work on a table."""

    runs: int
    peak: float
    """The most dead rows at any time."""
    first: float | None
    """Seconds until the first run begins; None: not within the time that was played."""
    seconds: float
    """The time that was played."""


def paces(hours: Sequence[Hour]) -> tuple[Pace, ...]:
    """Return a pace for each hour that was seen; empty if none was."""
    known = [hour for hour in hours if hour.seconds > 0]
    return tuple(
        Pace(max(0.0, hour.dead) / hour.seconds, hour.inserted / hour.seconds) for hour in known
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """Schedule of autovacuum for a table, and the time that it takes."""

    naptime: float
    run: float


def forecast(
    played: Sequence[Pace],
    triggers: Triggers,
    worker: Worker,
    dead: float = 0.0,
    inserted: float = 0.0,
    seconds: float = DAY,
    step: float = HOUR,
) -> Forecast:
    """Play the paces, each for `step` seconds and then from the first again.

    After a run PostgreSQL counts from zero: what died while it worked is in no count.
    """
    runs, peak, first, now = 0, dead, None, 0.0
    busy_until: float | None = None
    while now < seconds and played:
        until = min(seconds, now + worker.naptime if busy_until is None else busy_until)
        grown = _between(played, step, now, until)
        dead, inserted, now = dead + grown.dead, inserted + grown.inserted, until
        peak = max(peak, dead)
        if busy_until is not None:
            dead, inserted, busy_until = 0.0, 0.0, None
        elif now < seconds and _is_due(triggers, dead, inserted):
            runs, first = runs + 1, now if first is None else first
            busy_until = now + worker.run
    return Forecast(runs, peak, first, seconds)


def _between(played: Sequence[Pace], step: float, begin: float, end: float) -> Pace:
    """Return the rows of that time."""
    dead = inserted = 0.0
    while begin < end:
        number = int(begin // step)
        until = min(end, (number + 1) * step)
        pace = played[number % len(played)]
        dead += pace.dead * (until - begin)
        inserted += pace.inserted * (until - begin)
        begin = until
    return Pace(dead, inserted)


def _is_due(triggers: Triggers, dead: float, inserted: float) -> bool:
    if not triggers.enabled:
        return False
    return dead > triggers.vacuum or (triggers.insert is not None and inserted > triggers.insert)


@dataclass(frozen=True, slots=True)
class CostLimit:
    """The cost limit of a worker: what it may spend in one turn, and how long it then sleeps."""

    limit: float = 200
    delay: float = 0.002
    """Seconds."""
    page_miss: float = 2
    page_dirty: float = 20

    @property
    def sleep(self) -> float:
        """Return the seconds that it sleeps for each unit of cost."""
        return self.delay / self.limit

    def run_seconds(self, pages: float) -> float:
        """Return how long a run over these pages of a table and its indexes takes."""
        work = pages / PAGES_A_SECOND
        return work + pages * (self.page_miss + self.page_dirty) * self.sleep


PAGES_A_SECOND = 30_000.0
"""Pages that are vacuumed where nothing sleeps, on an ordinary disk."""
