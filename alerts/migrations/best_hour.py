"""Best hour of the week for a migration, and how long it may wait for its locks now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.migrations.hours import HOURS
from alerts.migrations.traced import Relation
from alerts.migrations.week_facts import WeekFacts

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the week, as it was in past weeks."""

    number: int
    """0 is Monday, from midnight on, in UTC."""
    longest: float | None
    """Seconds that the longest transaction was open: so long the migration may wait."""
    traffic: float | None
    """Scans and written rows a second of the tables that it blocks."""

    @property
    def name(self) -> str:
        return f"{DAYS[self.number // 24]} {self.number % 24:02}:00 UTC"


@dataclass(frozen=True, slots=True)
class HourChoice:
    """Choice between this hour and the best one."""

    now: Hour
    best: Hour
    hours_known: int
    """Of 168."""


def hour_choice(
    week: WeekFacts, now: int, blocked: Iterable[Relation], held_seconds: float
) -> HourChoice | None:
    """Choose the hour in which the fewest statements would wait; None where no hour is known."""
    tables = [week.tables[relation] for relation in blocked if relation in week.tables]

    def hour(number: int) -> Hour:
        rates = [rate for table in tables if (rate := table.at(number)) is not None]
        return Hour(number, week.longest[number], sum(rates) if rates else None)

    known = [hour(n) for n, longest in enumerate(week.longest) if longest is not None]
    if not known:
        return None
    return HourChoice(hour(now), _best(known, now, held_seconds), len(known))


def _best(hours: Sequence[Hour], now: int, held_seconds: float) -> Hour:
    """Return the hour in which the fewest statements wait; of equal ones the next that comes."""

    def delayed(hour: Hour) -> tuple[float, float, float, int]:
        wait, traffic = hour.longest or 0.0, hour.traffic or 0.0
        soon = (hour.number - now) % HOURS
        return traffic * (wait + held_seconds), wait, traffic, soon

    return min(hours, key=delayed)
