"""What a finding may ask to be remembered of a collector's answers."""

from dataclasses import dataclass
from datetime import timedelta

from collectors._base import AnyCollector


@dataclass(frozen=True, slots=True)
class Window:
    """Counters of the last while: `snapshot.delta(collector, window)` up to this span."""

    collector: AnyCollector
    span: timedelta


@dataclass(frozen=True, slots=True)
class Unchanged:
    """How long a counter has not moved, over weeks and restarts: `snapshot.quiet(…)`."""

    collector: AnyCollector
    column: str


@dataclass(frozen=True, slots=True)
class Crossings:
    """When a growing number passed a value: `snapshot.passed(…)`. For collectors with one row."""

    collector: AnyCollector
    column: str


@dataclass(frozen=True, slots=True)
class LastSeen:
    """Who was there and is no more: `snapshot.gone(…)`; forgotten after the span."""

    collector: AnyCollector
    column: str
    """The attribute, a text, that names whom a row is about."""
    span: timedelta


@dataclass(frozen=True, slots=True)
class LockOrder:
    """Who locks what in which order, and who met whom: `snapshot.lock_store()`."""

    locks: AnyCollector
    activity: AnyCollector


History = Window | Unchanged | Crossings | LastSeen | LockOrder
