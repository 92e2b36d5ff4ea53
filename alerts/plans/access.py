"""Ways of access: how busy tables and their indexes were read, before and after a time.

Only the tables with the most blocks read are followed, and the indexes of those with the most index
scans, so that a hundred thousand of them cost no memory here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import NamedTuple

from alerts.history.keys import Key, keys_of
from alerts.history.kind import SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.plans.looks import KEPT, Look, Looks
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

TABLES = 300
"""Tables of a server that are followed,"""
INDEXES = 1200
"""and indexes."""
BLOCKS = ("heap_blocks_read", "heap_blocks_hit", "idx_blocks_read", "idx_blocks_hit")
COLUMNS = ("seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch", "n_live_tup", "relfilenode")
COUNTERS = 4
"""Of these columns, those that never fall."""
ROWS, FILE = -2, -1
"""Places in a look at a table."""


class Rates(NamedTuple):
    """Rates at which a table was read, per second."""

    seq_scan: float
    seq_tup_read: float
    idx_scan: float
    idx_tup_fetch: float
    blocks: float
    rows: float
    """Its size, not a rate."""

    @property
    def rows_read(self) -> float:
        return self.seq_tup_read + self.idx_tup_fetch


class IndexRates(NamedTuple):
    """Rates at which an index of a table was scanned, per second, before and after."""

    relid: int
    name: str
    before: float
    after: float

    @property
    def more(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Accessed:
    """Per table, as of the newest answer."""

    tables: Mapping[Key, Looks]
    entered: Mapping[Key, float] = field(default_factory=dict)
    """When those were not followed yet that came later, in unix seconds: they were hardly read."""

    def around(self, key: Key, since: float) -> tuple[Rates, Rates] | None:
        """Return the rates before and after a time; None where one of them is not known."""
        own = self.tables.get(key)
        before = own.before(since) if own else None
        after = own.since(since) if own else None
        if before is None or after is None:
            return None
        return (
            Rates._make((*before.rates[:ROWS], before.new[ROWS])),
            Rates._make((*after.rates[:ROWS], after.new[ROWS])),
        )

    def since(self, key: Key, since: float) -> Rates | None:
        """Return the rates of a table that was not followed before that time."""
        if self.entered.get(key, 0.0) < since:
            return None
        after = self.tables[key].since(since)
        return Rates._make((*after.rates[:ROWS], after.new[ROWS])) if after else None

    def was_rewritten(self, key: Key, first: float, last: float) -> bool:
        """Whether a table got another file in that time, as by VACUUM FULL, CLUSTER or TRUNCATE."""
        own = self.tables.get(key)
        seen = own.around(first, last) if own else None
        return seen is not None and seen.old[FILE] != seen.new[FILE]


class FollowedIndex(NamedTuple):
    """An index, and the looks at it."""

    relid: int
    name: str
    looks: Looks


@dataclass(frozen=True, slots=True)
class IndexesAccessed:
    """Per index, by database and OID, as of the newest answer."""

    indexes: Mapping[Key, FollowedIndex]

    def of(self, datname: str, relid: int, since: float) -> Iterator[IndexRates]:
        """Yield the rates of the indexes of a table that were followed all the time."""
        for (database, _), index in self.indexes.items():
            if database != datname or index.relid != relid:
                continue
            before, after = index.looks.before(since), index.looks.since(since)
            if before and after:
                yield IndexRates(relid, index.name, before.rates[0], after.rates[0])


class TableAccess(SingleHistory[Accessed]):
    """Reads of the busiest tables, over a day."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_tables,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "TableAccessRecorder":
        return TableAccessRecorder()


class TableAccessRecorder:
    """Keeps the looks at each table; one that is busy no more is forgotten."""

    def __init__(self) -> None:
        self.accessed = Accessed({})
        self.at: float | None = None

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        known, tables = self.accessed.tables, dict[Key, Looks]()
        entered = dict(self.accessed.entered)
        keys, epochs = keys_of(collector, answer)
        numbers = zip(*(column(answer.rows, name) for name in COLUMNS), strict=True)
        blocks = map(_sum, *(column(answer.rows, name) for name in BLOCKS))
        rows = zip(blocks, keys, epochs, numbers, strict=True)
        for total, key, epoch, own in nlargest(TABLES, rows, key=lambda row: row[0]):
            look = (answer.at, *own[:COUNTERS], total, *own[COUNTERS:])
            tables[key] = _seen(known.get(key), epoch, look, COUNTERS)
            if self.at is not None and key not in known and key[0] not in answer.missing:
                entered[key] = self.at
        kept = {key: at for key, at in entered.items() if key in tables and answer.at - at < KEPT}
        self.accessed, self.at = Accessed(tables, kept), answer.at

    def restart(self) -> None:
        self.__init__()  # type: ignore[misc]

    def view(self, at: float) -> Accessed:
        return self.accessed


class IndexAccess(SingleHistory[IndexesAccessed]):
    """Scans of the indexes of the busiest tables, over a day."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_indexes,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "IndexAccessRecorder":
        return IndexAccessRecorder()


class IndexAccessRecorder:
    """Keeps the looks at each index; one whose table is busy no more is forgotten."""

    def __init__(self) -> None:
        self.accessed = IndexesAccessed({})

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        rows, scans = answer.rows, Counter[Key]()
        tables = list(zip(column(rows, "datname"), column(rows, "relid"), strict=True))
        counts = column(rows, "idx_scan")
        for table, count in zip(tables, counts, strict=True):
            scans[table] += count
        # An index that was never scanned may be the one that is taken instead.
        ranked = ((scans[table], place) for place, table in enumerate(tables) if scans[table])
        ids, names = column(rows, "indexrelid"), column(rows, "indexrelname")
        epochs, known = column(rows, "stats_reset"), self.accessed.indexes
        indexes = dict[Key, FollowedIndex]()
        for _, place in nlargest(INDEXES, ranked):
            datname, relid = tables[place]
            own, look = known.get((datname, ids[place])), (answer.at, counts[place])
            looks = _seen(own.looks if own else None, epochs[place], look, 1)
            indexes[datname, ids[place]] = FollowedIndex(relid, names[place], looks)
        self.accessed = IndexesAccessed(indexes)

    def restart(self) -> None:
        self.accessed = IndexesAccessed({})

    def view(self, at: float) -> IndexesAccessed:
        return self.accessed


def _seen(known: Looks | None, epoch: object, look: Look, counters: int) -> Looks:
    return known.after(epoch, look) if known else Looks.begun(epoch, look, counters)


def _sum(*parts: int | None) -> int:
    return sum(part or 0 for part in parts)
