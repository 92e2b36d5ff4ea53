"""Current B-trees of a server: newest sizes, with the layout from its slow collector."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from alerts.bloat.btree import BTree
from alerts.bloat.btree_reading import btree_of
from alerts.bloat.current import changed_rows, statistics_hidden
from alerts.bloat.refuted import index_entries_made
from alerts.snapshot import Snapshot
from collectors._columns import column, where
from collectors.btree_layout import BTreeLayout, btree_layout
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class TreeState:
    """Known state of a B-tree."""

    index: UserIndex
    table: UserTable
    tree: BTree | None
    """None if its layout is not read yet."""
    without_dead: BTree | None
    """As it will be when vacuum has removed the entries of the rows that are dead now."""
    is_one_state: bool
    """Whether the column statistics are of the table's newest ANALYZE."""


def tree_states(snapshot: Snapshot, least_bytes: float) -> Iterator[TreeState]:
    """Return the valid B-trees of at least that size, the largest first."""
    indexes = [row for row in large(snapshot, least_bytes) if row.amname == "btree"]
    tables = _by_key(snapshot, user_tables, {row.relid for row in indexes})
    layouts = _by_key(snapshot, btree_layout, {row.relid for row in indexes}, "indexrelid")
    relations = {oid for row in indexes for oid in (row.relid, row.indexrelid)}
    statistics = _by_key(snapshot, column_statistics, relations)
    for index in sorted(indexes, key=lambda row: row.size_bytes, reverse=True):
        table = tables.get((index.datname, index.relid))
        if table is not None and index.is_valid and index.is_ready:
            layout = layouts.get((index.datname, index.indexrelid))
            yield _state(snapshot, index, table, layout, statistics)


def large(snapshot: Snapshot, least_bytes: float) -> Iterator[UserIndex]:
    rows = snapshot.rows(user_indexes)
    sizes = zip(column(rows, "indexrelid"), column(rows, "size_bytes"), strict=True)
    return iter(where(rows, "indexrelid", {oid for oid, size in sizes if size >= least_bytes}))


def _by_key(snapshot: Snapshot, collector: Any, wanted: set[int], name: str = "relid") -> Any:
    """Return the rows of these relations by database and OID."""
    if not snapshot.has(collector):
        return {}
    found = where(snapshot.rows(collector), "relid", wanted)
    return {(row.datname, getattr(row, name)): row for row in found}


def _state(
    snapshot: Snapshot,
    index: UserIndex,
    table: UserTable,
    layout: BTreeLayout | None,
    statistics: Mapping[Key, ColumnStatistics],
) -> TreeState:
    if layout is None:
        return TreeState(index, table, None, None, is_one_state=False)
    of_table = statistics.get((index.datname, index.relid))
    tree = btree_of(
        index,
        layout,
        table.reltuples,
        changed_rows(table) or 0,
        of_table,
        statistics.get((index.datname, index.indexrelid)),
        statistics_readable=statistics_hidden(snapshot, index.datname) is None,
        entries_made=index_entries_made(table),
    )
    left = max(0.0, tree.reltuples - table.n_dead_tup)
    agree = of_table is None or of_table.last_analyze == table.analyzed
    return TreeState(index, table, tree, replace(tree, reltuples=left), agree)
