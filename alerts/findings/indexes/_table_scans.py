"""Reads of each large table within the last hour, sequential ones and those by its indexes.

Only tables of at least a megabyte are followed, and a table that is not read sequentially takes no
further memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from alerts.history.keys import Key, keys_of
from alerts.history.kind import History
from alerts.history.memory import Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_tables import user_tables

LEAST_PAGES = 128
COLUMNS = ("relpages", "seq_scan", "seq_tup_read", "idx_tup_fetch")
STEPS = 12
"""Looks that are kept within the span."""


class Look(NamedTuple):
    """Counters of one table at one time."""

    at: float
    scans: int
    rows: int
    by_index: int
    """Rows fetched by its indexes."""


class Reads(NamedTuple):
    """Growth of a table's counters within a time."""

    seconds: float
    scans: int
    rows: int
    by_index: int


class Looks(NamedTuple):
    """The looks at one table at which it had been read sequentially since the one before."""

    epoch: object
    looks: tuple[Look, ...]

    def after(self, look: Look, epoch: object, span: float) -> "Looks":
        """Return what holds after another look; a fall or a new epoch begins anew."""
        newest = self.looks[-1]
        if epoch != self.epoch or look.rows < newest.rows or look.scans < newest.scans:
            return Looks(epoch, (look,))
        if look.rows == newest.rows:
            return self
        looks = self.looks
        if len(looks) > 1 and look.at - looks[-2].at < span / STEPS:
            looks = looks[:-1]
        first = 0
        while first + 1 < len(looks) and looks[first + 1].at <= look.at - span:
            first += 1
        return Looks(epoch, (*looks[first:], look))

    def within(self, seconds: float, now: float) -> Reads:
        """Return what grew since the last look before that time, or else since the first one."""
        start = now - seconds
        then = next((look for look in reversed(self.looks) if look.at <= start), self.looks[0])
        newest = self.looks[-1]
        return Reads(
            now - then.at,
            newest.scans - then.scans,
            newest.rows - then.rows,
            newest.by_index - then.by_index,
        )


@dataclass(frozen=True, slots=True)
class Scanned:
    """Per table, as of the newest answer."""

    tables: Mapping[Key, Looks]
    newest: float

    def moved(self) -> Iterable[Key]:
        """Return the tables that were read sequentially since they are watched."""
        return (key for key, own in self.tables.items() if len(own.looks) > 1)

    def within(self, key: Key, window: timedelta) -> Reads:
        return self.tables[key].within(window.total_seconds(), self.newest)


@dataclass(frozen=True, slots=True)
class TableScans(History[Scanned]):
    """Sequential reads of large tables, over this span."""

    span: timedelta

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_tables,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "TableScansRecorder":
        return TableScansRecorder(self.span.total_seconds())


class TableScansRecorder:
    """Keeps the looks at each table; a table that is gone is forgotten."""

    def __init__(self, span: float) -> None:
        self.span = span
        self.known: tuple[Mapping[Key, Looks], float | None] = {}, None
        """The looks, and the time of the newest answer: replaced together."""

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        known, tables = self.known[0], dict[Key, Looks]()
        keys, epochs = keys_of(collector, answer)
        columns = (column(answer.rows, name) for name in COLUMNS)
        for key, epoch, pages, *values in zip(keys, epochs, *columns, strict=True):
            if pages >= LEAST_PAGES:
                look, own = Look(answer.at, *values), known.get(key)
                tables[key] = own.after(look, epoch, self.span) if own else Looks(epoch, (look,))
        self.known = tables, answer.at

    def restart(self) -> None:
        self.known = {}, None

    def view(self, at: float) -> Scanned:
        tables, newest = self.known
        return Scanned(tables, at if newest is None else newest)
