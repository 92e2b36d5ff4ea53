"""Last hour of waits: columns for a chart, and tables of events and of who waits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from alerts.snapshot import Snapshot, Unknown
from alerts.waits.doing import NO_WAIT, OTHERS, Doing, Event
from alerts.waits.events import meaning
from alerts.waits.history import HOUR, OTHER_DOING, STEP, WAITS, WaitsView
from alerts.waits.load import WaitLoad, load_of
from collectors.activity import activity

COLUMNS = round(HOUR / STEP)
EVENTS = 11
"""Events that are told apart; the others are summed."""
FEWER = "wait for other events, each of which fewer sessions wait for"
TOP = 30
"""Kinds of work that are listed."""
NOW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class WaitHour:
    """Waits of one server, or the reason why nothing is known."""

    unknown: str | None = None
    seen: WaitsView = field(default_factory=WaitsView)

    @property
    def is_empty(self) -> bool:
        return not self.seen.steps


NOTHING_SEEN = WaitHour(unknown="not queried yet")


def wait_hour(snapshot: Snapshot) -> WaitHour:
    try:
        snapshot.rows(activity)
        return WaitHour(seen=snapshot.of(WAITS))
    except Unknown as unknown:
        return WaitHour(unknown=": ".join(filter(None, (unknown.reason, unknown.grant))))


@dataclass(frozen=True, slots=True)
class ChartColumn:
    """Ten seconds of the chart."""

    start: float
    watched: float
    sessions: Mapping[Event, float]
    """Average number by event; empty also where nothing was looked at."""


def columns(hour: WaitHour, now: float, minutes: int) -> list[ChartColumn]:
    """Return the columns up to the newest that has ended, also those without a look."""
    known = {round(step.start / STEP): step for step in hour.seen.steps}
    last = max(known, default=int(now / STEP) - 1)
    found = []
    for place in range(last - round(minutes * 60 / STEP) + 1, last + 1):
        step = known.get(place)
        seen = step.watched if step else 0.0
        average = {event: spent / seen for event, spent in step.items()} if step and seen else {}
        found.append(ChartColumn(place * STEP, seen, average))
    return found


@dataclass(frozen=True, slots=True)
class EventRow:
    """One wait event of a table."""

    event: Event
    means: str
    advice: str
    now: float | None
    """Average number of sessions within five minutes; None: not looked at."""
    average: float
    """Within all that was looked at."""


def event_rows(hour: WaitHour, shown: list[ChartColumn], now: float) -> list[EventRow]:
    """Return the largest events of the columns: first none (CPU), then the largest, then others."""
    seconds: dict[Event, float] = {}
    for column in shown:
        for event, sessions in column.sessions.items():
            seconds[event] = seconds.get(event, 0.0) + sessions * column.watched
    watched = sum(column.watched for column in shown)
    latest = load_of(hour.seen, now, NOW)
    chosen = _chosen(seconds)
    rows = [_row(event, seconds[event] / watched, latest) for event in chosen]
    if rest := sum(spent for event, spent in seconds.items() if event not in chosen):
        recent = latest.sessions(lambda event: event not in chosen) if latest.watched else None
        rows.append(EventRow(OTHERS, FEWER, "", recent, rest / watched))
    return rows


def _row(event: Event, average: float, latest: WaitLoad) -> EventRow:
    known = meaning(event)
    now = latest.seconds.get(event, 0.0) / latest.watched if latest.watched else None
    return EventRow(event, known.means, known.advice, now, average)


def average_of(column: ChartColumn, row: EventRow, rows: list[EventRow]) -> float:
    """Return the average number of sessions of a row in a column."""
    if row.event != OTHERS:
        return column.sessions.get(row.event, 0.0)
    named = {one.event for one in rows if one is not row}
    return sum(sessions for event, sessions in column.sessions.items() if event not in named)


def _chosen(seconds: Mapping[Event, float]) -> list[Event]:
    named = sorted(seconds.keys() - {NO_WAIT, OTHERS}, key=lambda e: seconds[e], reverse=True)
    first = [NO_WAIT] if NO_WAIT in seconds else []
    return [*first, *named[:EVENTS]]


@dataclass(frozen=True, slots=True)
class DoingRow:
    """One kind of work of a table."""

    doing: Doing
    statement: str | None
    average: float


def doing_rows(hour: WaitHour, since: float) -> Iterator[DoingRow]:
    """Yield the largest kinds of work of the minutes since a time, largest first."""
    seconds: dict[Doing, float] = {}
    watched = 0.0
    for minute in hour.seen.minutes:
        if minute.start >= since:
            watched += minute.watched
            for doing, spent in minute.items():
                seconds[doing] = seconds.get(doing, 0.0) + spent
    seconds.pop(OTHER_DOING, None)
    texts = hour.seen.texts
    for doing in sorted(seconds, key=lambda d: seconds[d], reverse=True)[:TOP]:
        text = None if doing.query_id is None else texts.get(doing.query_id)
        yield DoingRow(doing, text, seconds[doing] / watched)
