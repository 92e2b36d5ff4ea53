"""Conversion of collector rows to the model's B-trees."""

from collections.abc import Iterator

from alerts.bloat.btree import BTree
from alerts.bloat.heap import Column
from alerts.bloat.reading import target_of
from collectors.btree_layout import BTreeLayout
from collectors.column_statistics import ColumnStatistics
from collectors.user_indexes import UserIndex

EXPRESSION = 0
COMPRESSES = "x"
Known = tuple[float, int, float]
"""Share of nulls, width and distinct values of a column."""


def btree_of(
    index: UserIndex,
    layout: BTreeLayout,
    table_rows: float,
    changed: float,
    statistics: ColumnStatistics | None,
    expressions: ColumnStatistics | None,
    *,
    statistics_readable: bool,
    entries_made: float | None = None,
) -> BTree:
    """Build the B-tree of an index; statistics are None if missing or not readable.

    `table_rows` are those of its table, of which `changed` were changed since ANALYZE.
    """
    known = list(_known(layout, statistics, expressions))
    return BTree(
        oid=layout.indexrelid,
        relpages=index.size_bytes // layout.block_size,
        reltuples=index.reltuples,
        table_rows=table_rows,
        fillfactor=layout.fillfactor,
        columns=tuple(_column(layout, place, found) for place, found in enumerate(known)),
        distinct=tuple(map(_distinct, known[: layout.indnkeyatts])),
        deduplicates=layout.deduplicates,
        is_partial=layout.has_predicate,
        statistics_readable=statistics_readable,
        changed_share=changed / max(table_rows, 1.0),
        statistics_target=target_of(layout.statistics_target, statistics),
        block_size=layout.block_size,
        entries_made=entries_made,
    )


def _known(
    layout: BTreeLayout, statistics: ColumnStatistics | None, expressions: ColumnStatistics | None
) -> Iterator[Known | None]:
    """Yield the statistics of each column: the table's, or of an expression the index's own."""
    of_table, of_index = _by_number(statistics), _by_number(expressions)
    for place, number in enumerate(layout.indkey, 1):
        found = of_index.get(place) if number == EXPRESSION else of_table.get(number)
        if found and number in layout.notnull:
            found = 0.0, *found[1:]
        yield found


def _distinct(known: Known | None) -> float | None:
    """Return the distinct values of a column: 0 stands for unknown, unless all are null."""
    if known is None or (known[2] == 0.0 and known[0] < 1.0):
        return None
    return known[2]


def _by_number(statistics: ColumnStatistics | None) -> dict[int, Known]:
    if statistics is None:
        return {}
    known = statistics.stanullfrac, statistics.stawidth, statistics.stadistinct
    return dict(zip(statistics.staattnum, zip(*known, strict=True), strict=True))


def _column(layout: BTreeLayout, place: int, known: Known | None) -> Column:
    return Column(
        attlen=layout.attlen[place],
        attalign=layout.attalign[place],
        attstorage=COMPRESSES,
        attnotnull=layout.attnotnull[place],
        attisdropped=False,
        atthasmissing=False,
        typname=layout.typname[place],
        atttypmod=layout.atttypmod[place],
        stanullfrac=known[0] if known else None,
        stawidth=known[1] if known else None,
    )
