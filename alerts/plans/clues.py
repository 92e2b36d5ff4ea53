"""Clues: what happened around the time when a statement changed, and how its tables are read since.

PostgreSQL counts blocks by statement and scans by table, and nothing joins the two. A table belongs
to a change where its own blocks grew by about as many, and its name is in the text of the
statement, where that is known.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.plans.access import Accessed, Rates
from alerts.plans.change import Change
from alerts.plans.events import IndexEvent, SettingEvent
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
READ = 0.5
"""Additional rows read for each additional block, from which the statement wants other rows."""
STALE = 0.1
"""Share of the rows changed since the last ANALYZE."""
LEAST_CHANGED = 1000
"""Rows; fewer hardly change an estimate."""
WORD = re.compile(r'"((?:[^"]|"")+)"|[^\W\d][\w$]*')
UNVACUUMED = 0.05
"""Share of the rows that are dead or new since the last vacuum."""


class Access(StrEnum):
    """How a table is read now, other than before."""

    sequential = "sequential"
    by_index = "index"
    """By an index where it was scanned sequentially, or by more index scans for each call."""
    spread = "spread"
    """The same scans and rows need more blocks: dead rows, or rows that lie apart."""
    rows = "rows"
    """More rows are read: other parameters."""
    growth = "growth"
    """There are more rows."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A table that accounts for the additional blocks of a change."""

    table: UserTable
    access: Access
    scans: float
    """Additional scans a call, of that kind."""

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


def is_near(event: IndexEvent | SettingEvent, change: Change) -> bool:
    """Whether it happened at about the time of the change."""
    slack = SLACK * (change.noticed - change.since)
    return event.at >= change.since - slack and event.before <= change.noticed + slack


def readings(
    change: Change, tables: Sequence[UserTable], accessed: Accessed
) -> Iterator[tuple[float, Reading]]:
    """Yield the tables that account for the additional blocks, each with its share of them."""
    if change.block_rate <= 0:
        return
    for table in tables:
        rates = accessed.around((table.datname, table.relid), change.since)
        if rates is None:
            continue
        share = (rates[1].blocks - rates[0].blocks) / change.block_rate
        if share >= SHARE:
            yield share, _reading(table, change, *rates)


def _reading(table: UserTable, change: Change, before: Rates, after: Rates) -> Reading:
    calls = max(change.call_rate, 1e-9)
    sequential = (after.seq_scan - before.seq_scan) / calls
    index = (after.idx_scan - before.idx_scan) / calls
    rows = (after.rows_read - before.rows_read) / calls
    more_blocks = max((after.blocks - before.blocks) / calls, 1e-9)
    if sequential >= SCANS and after.rows < GROWN * before.rows * change.times_blocks:
        return Reading(table, Access.sequential, sequential)
    if index >= LOOPS or (sequential <= -SCANS and index >= SCANS):
        return Reading(table, Access.by_index, index)
    if after.rows >= GROWN * max(before.rows, 1.0):
        return Reading(table, Access.growth, 0.0)
    if rows / more_blocks >= READ:
        return Reading(table, Access.rows, 0.0)
    return Reading(table, Access.spread, 0.0)
