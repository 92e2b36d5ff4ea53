"""Totals of session seconds since the start, for counters: by event, by client, by statement."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from alerts.waits.doing import Doing, Event

K = TypeVar("K", bound=Hashable)
MOST = 400
"""Keys of each total; beyond that the smaller half is forgotten."""
Client = tuple[str, str | None, str | None, str | None]
"""Type of wait event, database, user and application."""
Statement = tuple[str, str, int]
"""Wait event and query id."""


@dataclass(frozen=True, slots=True)
class Total:
    """The totals at one time."""

    watched: float = 0.0
    """Seconds in which sessions were looked at."""
    events: Mapping[Event, float] = field(default_factory=dict)
    clients: Mapping[Client, float] = field(default_factory=dict)
    statements: Mapping[Statement, float] = field(default_factory=dict)


class Totals:
    """Adds up what each look has seen."""

    def __init__(self) -> None:
        self._watched = 0.0
        self._events: dict[Event, float] = {}
        self._clients: dict[Client, float] = {}
        self._statements: dict[Statement, float] = {}

    def add(self, doings: Mapping[Doing, int], span: float) -> None:
        self._watched += span
        for doing, count in doings.items():
            seconds = count * span
            _grow(self._events, doing.event, seconds)
            client = (
                doing.wait_event_type,
                doing.datname,
                doing.usename,
                doing.application_name,
            )
            _grow(self._clients, client, seconds)
            if doing.query_id is not None:
                _grow(self._statements, (*doing.event, doing.query_id), seconds)

    def shown(self) -> Total:
        """Return the totals as they are now."""
        _bound(self._events)
        _bound(self._clients)
        _bound(self._statements)
        return Total(self._watched, dict(self._events), dict(self._clients), dict(self._statements))


def _grow(known: dict[K, float], key: K, seconds: float) -> None:
    known[key] = known.get(key, 0.0) + seconds


def _bound(known: dict[K, float]) -> None:
    if len(known) > MOST:
        for key in sorted(known, key=known.__getitem__)[: len(known) - MOST // 2]:
            del known[key]
