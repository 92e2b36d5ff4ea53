"""Current heaps of a server: the layout from its slow collector, and newer counters.

Sizes that are newer than the layout and the column statistics may belong to other rows: after
TRUNCATE and a load, the old widths say nothing of the new file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from alerts.bloat.carried import Carried, carried
from alerts.bloat.heap import Heap
from alerts.bloat.reading import heap_of
from alerts.bloat.refuted import rows_made
from alerts.snapshot import NOT_YET, Snapshot
from collectors._base import Absence
from collectors.column_statistics import column_statistics
from collectors.table_layout import table_layout
from collectors.user_tables import UserTable, user_tables

LATE = 0.05
"""Tolerance between counters and estimates, as a share of the rows."""


@dataclass(frozen=True, slots=True)
class HeapState:
    """Known state of a table's heap, by the age of the facts."""

    table: UserTable
    joined: Heap
    """Of the newest sizes and counters, with the layout and the column statistics."""
    is_one_state: bool
    """Whether all of that belongs to the same file and the same ANALYZE."""
    carried: Carried | None
    """With what died since then, if that is worth a word."""
    then: Heap | None
    """As it was when its layout was read; None if that file is gone, or of two states too."""


def heap_states(
    snapshot: Snapshot, wanted: Callable[[UserTable], bool]
) -> Iterator[tuple[UserTable, HeapState | None]]:
    """Return the heaps of the wanted tables; None if their layout is not read yet."""
    layouts = {table_layout.key_of(row): row for row in snapshot.rows(table_layout)}
    known = snapshot.rows(column_statistics) if snapshot.has(column_statistics) else ()
    statistics = {column_statistics.key_of(row): row for row in known}
    for table in filter(wanted, snapshot.rows(user_tables)):
        key = user_tables.key_of(table)
        layout = layouts.get(key)
        if layout is None:
            yield table, None
            continue
        widths = statistics.get(key)
        readable = statistics_hidden(snapshot, table.datname) is None
        heap = heap_of(layout, widths, statistics_readable=readable)
        same_file = layout.relfilenode == table.relfilenode
        agree = widths is None or widths.last_analyze == layout.last_analyze
        joined = _counted_since(heap, table)
        yield (
            table,
            HeapState(
                table,
                joined,
                same_file and agree and layout.last_analyze == table.analyzed,
                carried(joined, table),
                heap if same_file and agree else None,
            ),
        )


def statistics_hidden(snapshot: Snapshot, database: str) -> Absence | None:
    """Return why the column statistics of a database can't be read; None if they can."""
    if not snapshot.has(column_statistics):
        return snapshot.absent.get(column_statistics, NOT_YET)
    return snapshot.answer(column_statistics).missing.get(database)


def _counted_since(heap: Heap, table: UserTable) -> Heap:
    return replace(
        heap,
        relpages=table.relpages,
        reltuples=table.reltuples,
        n_live_tup=table.n_live_tup,
        n_dead_tup=table.n_dead_tup,
        n_mod_since_analyze=changed_rows(table),
        rows_made=rows_made(table),
    )


def changed_rows(table: UserTable) -> int | None:
    """Return the rows changed since ANALYZE; None if they were probably changed before it."""
    return None if _was_counted_late(table) else table.n_mod_since_analyze


def _was_counted_late(table: UserTable) -> bool:
    """Return True if the changes counted since ANALYZE were probably made before it.

    A session that loads and analyses a table reports its counters afterwards. Then all changes
    seem to be newer than ANALYZE, although it has counted the resulting rows.
    """
    changes = table.n_tup_ins + table.n_tup_upd + table.n_tup_del
    left = table.n_tup_ins - table.n_tup_del
    return (
        table.n_mod_since_analyze == changes
        and abs(left - table.reltuples) <= LATE * table.reltuples
        and table.n_tup_upd <= LATE * table.reltuples
    )
