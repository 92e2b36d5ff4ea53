"""Traffic of the busiest tables by hour of the week: scans, and rows that were written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from json import dumps, loads
from typing import NamedTuple

from alerts.history.kind import History
from alerts.history.memory import Json, Memory, Namespace
from alerts.migrations.hours import Hours
from alerts.plans.week import hour_of
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_tables import user_tables

ROOM = "table_traffic"
FOLLOWED = 100
"""Tables of a server that are followed: those with the most traffic since the statistics began."""
COUNTERS = ("seq_scan", "idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del")
NAMES = ("datname", "schemaname", "relname", "stats_reset")
LONGEST = 1800.0
"""Seconds between two answers from which it is not known to which hour they belong."""


class Table(NamedTuple):
    """A table by its names: a migration names it so."""

    datname: str
    schemaname: str
    relname: str


class Count(NamedTuple):
    epoch: object
    scans: float
    written: float


class TableHours(NamedTuple):
    """A second, in each hour of the week."""

    scans: Hours
    written: Hours


@dataclass(frozen=True, slots=True)
class TableTraffic(History[Mapping[Table, TableHours]]):
    """By table."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_tables,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "TableTrafficRecorder":
        return TableTrafficRecorder(memory, namespace.of(ROOM))


TABLE_TRAFFIC = TableTraffic()


@dataclass(slots=True)
class TableTrafficRecorder:
    """Keeps the counters of the last answer, and the sums of the hour that runs."""

    memory: Memory
    namespace: Namespace
    hour: int | None = None
    at: float | None = None
    counts: dict[Table, Count] = field(default_factory=dict)
    sums: dict[Table, list[float]] = field(default_factory=dict)
    """Seconds, scans, written rows."""
    shown: Mapping[Table, TableHours] = field(init=False)

    def __post_init__(self) -> None:
        self.shown = traffic_of_memory(self.memory, self.namespace)

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        hour = hour_of(answer.at)
        if self.hour is not None and hour != self.hour:
            self._write(self.hour)
            self.sums = {}
        before, since = self.counts, self.at
        self.hour, self.at = hour, answer.at
        self.counts = dict(_busiest(answer))
        if since is None or not 0 < answer.at - since <= LONGEST:
            return
        for table, count in self.counts.items():
            old = before.get(table)
            if old and old.epoch == count.epoch and old.scans <= count.scans:
                sums = self.sums.setdefault(table, [0.0, 0.0, 0.0])
                sums[0] += answer.at - since
                sums[1] += count.scans - old.scans
                sums[2] += max(0.0, count.written - old.written)

    def restart(self) -> None:
        self.counts, self.at = {}, None

    def view(self, at: float) -> Mapping[Table, TableHours]:
        return self.shown

    def _write(self, hour: int) -> None:
        known = self.memory.room(self.namespace)
        found: dict[str, Json] = {}
        for table, (seconds, scans, written) in self.sums.items():
            key = dumps(table)
            hours = _unpack(known.get(key)) or TableHours(Hours(), Hours())
            hours.scans.note_average(hour, scans / seconds)
            hours.written.note_average(hour, written / seconds)
            found[key] = [hours.scans.pack(), hours.written.pack()]
        if len(known) + len(found) > 2 * FOLLOWED:  # those that were once busy
            found |= {key: None for key in known if key not in found}
        self.memory.update(self.namespace, found)
        self.shown = traffic_of_memory(self.memory, self.namespace)


def traffic_of_memory(memory: Memory, namespace: Namespace) -> dict[Table, TableHours]:
    """Return what a room of the memory holds."""
    found = {}
    for key, value in memory.items(namespace):
        names, hours = loads(key), _unpack(value)
        if hours and isinstance(names, list) and len(names) == len(Table._fields):
            found[Table(*names)] = hours
    return found


def _unpack(value: Json) -> TableHours | None:
    if not isinstance(value, list | tuple) or len(value) != len(TableHours._fields):
        return None
    scans, written = (Hours.unpack(one) for one in value)
    return TableHours(scans, written) if scans and written else None


def _busiest(answer: AnyAnswer) -> Iterator[tuple[Table, Count]]:
    """Yield the busiest tables, from packed columns: there may be a hundred thousand."""
    counters = [column(answer.rows, name) for name in COUNTERS]
    totals = (
        (sum(values), at)
        for at, values in enumerate(zip(*counters, strict=True))
        if None not in values
    )
    names = [column(answer.rows, name) for name in NAMES]
    for _, at in nlargest(FOLLOWED, totals):
        datname, schemaname, relname, epoch = (one[at] for one in names)
        seq, index, *written = (one[at] for one in counters)
        yield (
            Table(datname, schemaname, relname),
            Count(epoch, float(seq + index), float(sum(written))),
        )
