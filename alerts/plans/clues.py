"""Clues: what happened around the time when a statement changed, and how its tables are read since.

PostgreSQL counts blocks by statement and scans by table, and nothing joins the two. A table belongs
to a change where its own blocks grew by about as many, and its name is in the text of the
statement, where that is known.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from alerts.plans.access import Accessed, IndexesAccessed, IndexRates, Rates
from alerts.plans.change import Change
from alerts.plans.events import IndexEvent, RoleSettingEvent, SettingEvent
from collectors.user_tables import UserTable

SLACK = 1.0
"""Windows by which an event and its effect may seem apart."""
SHARE = 0.3
"""Share of the additional blocks that a table must account for."""
SCANS = 0.5
"""Additional scans a call from which it is another way of access."""
LOOPS = 2.0
"""Additional index scans a call from which it is a nested loop."""
GROWN = 1.5
"""Times as many rows in a table that are more data."""
JOINED = 2
"""Power of that growth by which more data may need more blocks: two such tables are joined."""
READ = 0.5
"""Additional rows read for each additional block, from which the statement wants other rows."""
ODDS = 1.3
"""Times its own scans before that an index that is taken instead must have; others scan it, too."""
STALE = 0.1
"""Share of the rows changed since the last ANALYZE."""
LEAST_CHANGED = 1000
"""Rows; fewer hardly change an estimate."""
WORD = re.compile(r'"((?:[^"]|"")+)"|[^\W\d][\w$]*')
UNVACUUMED = 0.05
"""Share of the rows that are dead or new since the last vacuum."""


class Access(StrEnum):
    """Way in which a table is read now, other than before."""

    sequential = "sequential"
    by_index = "index"
    """By an index where it was scanned sequentially, or by more index scans for each call."""
    other_index = "other index"
    """By another index, as often: one of its indexes is scanned less, and another one more."""
    spread = "spread"
    """The same scans and rows need more blocks: dead rows, or rows that lie apart."""
    rows = "rows"
    """More rows are read: other parameters."""
    growth = "growth"
    """There are more rows."""


class Reading(NamedTuple):
    """A table that accounts for the additional blocks of a change."""

    table: UserTable
    access: Access
    scans: float
    """Additional scans a call, of that kind."""
    is_rewritten: bool = False
    """Whether its rows were written anew into another file at about that time."""
    indexes: tuple[str, str] | None = None
    """The index that was scanned before, and the one that is scanned now."""
    is_new: bool = False
    """Whether it is a partition that is read since then only."""

    @property
    def is_unvacuumed(self) -> bool:
        rows = max(self.table.reltuples, self.table.n_live_tup, 1)
        return self.table.n_dead_tup + self.table.n_ins_since_vacuum >= UNVACUUMED * rows

    def was_analyzed(self, change: Change) -> bool:
        """Whether its statistics were made anew at about the time of the change."""
        at = self.table.analyzed
        slack = SLACK * (change.noticed - change.since)
        return at is not None and change.since - slack <= at <= change.noticed + slack


def is_stale(table: UserTable) -> bool:
    """Whether many of its rows changed since its last ANALYZE."""
    changed = table.n_mod_since_analyze
    return changed >= LEAST_CHANGED and changed >= STALE * max(table.reltuples, 1)


def words_of(text: str | None) -> frozenset[str]:
    """Return the words of a statement, among which are the names of its tables."""
    found = WORD.finditer(text or "")
    return frozenset(w[1].replace('""', '"') if w[1] is not None else w[0].lower() for w in found)


def is_near(event: IndexEvent | SettingEvent | RoleSettingEvent, change: Change) -> bool:
    """Whether it happened at about the time of the change."""
    slack = SLACK * (change.noticed - change.since)
    return event.at >= change.since - slack and event.before <= change.noticed + slack


def readings(
    change: Change,
    tables: Sequence[UserTable],
    accessed: Accessed,
    indexes: IndexesAccessed | None = None,
) -> Iterator[tuple[float, Reading]]:
    """Yield the tables that account for the additional blocks, each with its share of them."""
    if change.block_rate <= 0:
        return
    for table in tables:
        key = table.datname, table.relid
        rates = accessed.around(key, change.since)
        if rates is None:
            if (entered := _entered(change, table, tables, accessed)) is not None:
                yield entered
            continue
        share = (rates[1].blocks - rates[0].blocks) / change.block_rate
        if share >= SHARE:
            scanned = indexes.of(*key, change.since) if indexes else ()
            found = _reading(table, change, *rates, _exchanged(tuple(scanned), change.call_rate))
            slack = SLACK * (change.noticed - change.since)
            anew = accessed.was_rewritten(key, change.since - slack, change.noticed + slack)
            yield share, found._replace(is_rewritten=anew)


def _entered(
    change: Change, table: UserTable, tables: Sequence[UserTable], accessed: Accessed
) -> tuple[float, Reading] | None:
    """Return a partition that is scanned since the change only, with its share of the blocks.

    Its size is compared with that of the partitions that were read before.
    """
    key, since = (table.datname, table.relid), change.since
    slack = SLACK * (change.noticed - since)
    after = accessed.since(key, since - slack) if table.root_relid is not None else None
    if after is None:
        return None
    own = (one for one in tables if one.root_relid == table.root_relid and one is not table)
    pairs = (accessed.around((one.datname, one.relid), since) for one in own)
    sizes = [pair[0].rows for pair in pairs if pair]
    share = after.blocks / change.block_rate
    if not sizes or share < SHARE:
        return None
    usual = Rates(0.0, 0.0, 0.0, 0.0, 0.0, median(sizes))
    found = _reading(table, change, usual, after, None)
    return (share, found._replace(is_new=True)) if found.access is Access.sequential else None


def _reading(
    table: UserTable,
    change: Change,
    before: Rates,
    after: Rates,
    indexes: tuple[str, str] | None,
) -> Reading:
    calls = max(change.call_rate, 1e-9)
    sequential = (after.seq_scan - before.seq_scan) / calls
    index = (after.idx_scan - before.idx_scan) / calls
    rows = (after.rows_read - before.rows_read) / calls
    more_blocks = max((after.blocks - before.blocks) / calls, 1e-9)
    size = _rows(table, change, after)
    if sequential >= SCANS and size < GROWN * before.rows * change.times_blocks:
        return Reading(table, Access.sequential, sequential)
    if index >= LOOPS or (sequential <= -SCANS and index >= SCANS):
        return Reading(table, Access.by_index, index)
    if indexes:
        return Reading(table, Access.other_index, 0.0, indexes=indexes)
    if _is_growth(size / max(before.rows, 1.0), change.times_blocks):
        return Reading(table, Access.growth, 0.0)
    if rows / more_blocks >= READ:
        return Reading(table, Access.rows, 0.0)
    return Reading(table, Access.spread, 0.0)


def _is_growth(times: float, times_blocks: float) -> bool:
    """Whether the growth of a table, as a factor, explains the factor of the blocks."""
    return times >= GROWN and times_blocks <= GROWN * times**JOINED


def _rows(table: UserTable, change: Change, after: Rates) -> float:
    """Return the rows that a table has now.

    ANALYZE has counted them, if it was since the change. A session that loads a table and analyses
    it at once reports afterwards what it has loaded, so that this is counted twice.
    """
    slack = SLACK * (change.noticed - change.since)
    is_counted = table.analyzed is not None and table.analyzed >= change.since - slack
    return table.reltuples if is_counted and table.reltuples >= 0 else after.rows


def _exchanged(indexes: Sequence[IndexRates], call_rate: float) -> tuple[str, str] | None:
    """Return which index was scanned before, and which is scanned instead of it, in each call."""
    if len(indexes) < 2:
        return None
    least = SCANS * max(call_rate, 1e-9)
    lost, taken = min(indexes, key=lambda i: i.more), max(indexes, key=lambda i: i.more)
    is_exchange = -lost.more >= least and taken.more >= least
    is_even = abs(taken.more + lost.more) <= SCANS * max(taken.more, -lost.more)
    if is_exchange and is_even and taken.after >= ODDS * taken.before:
        return lost.name, taken.name
    return None
