"""Conversion of collector rows to the model's heaps."""

from alerts.bloat.heap import Column, Heap
from alerts.bloat.sampling import ROWS_PER_TARGET
from collectors.column_statistics import ColumnStatistics
from collectors.table_layout import TableLayout

WHOLE = 1e-4


def heap_of(
    layout: TableLayout, statistics: ColumnStatistics | None, *, statistics_readable: bool
) -> Heap:
    """Build the heap of a table; `statistics` is None if missing or not readable."""
    return Heap(
        oid=layout.relid,
        relpages=layout.relpages,
        reltuples=layout.reltuples,
        fillfactor=layout.fillfactor,
        columns=_columns(layout, statistics),
        statistics_readable=statistics_readable,
        n_live_tup=layout.n_live_tup,
        n_dead_tup=layout.n_dead_tup,
        n_mod_since_analyze=layout.n_mod_since_analyze,
        statistics_age_seconds=layout.analyze_seconds,
        statistics_target=target_of(layout.statistics_target, statistics),
        block_size=layout.block_size,
    )


def target_of(target: int, statistics: ColumnStatistics | None) -> int:
    """Return the target that ANALYZE used, which may have been set in its session only.

    Shares of nulls show the smallest one: they are whole multiples of a 300th.
    """
    shares = () if statistics is None else statistics.stanullfrac
    parts = [share * ROWS_PER_TARGET for share in shares if 0.0 < share < 1.0]
    few = parts and all(abs(part - round(part)) < WHOLE for part in parts)
    return 1 if few else target


def _columns(layout: TableLayout, statistics: ColumnStatistics | None) -> tuple[Column, ...]:
    nulls, widths = {}, {}
    if statistics is not None:
        nulls = dict(zip(statistics.staattnum, statistics.stanullfrac, strict=True))
        widths = dict(zip(statistics.staattnum, statistics.stawidth, strict=True))
    return tuple(
        Column(
            attlen=layout.attlen[index],
            attalign=layout.attalign[index],
            attstorage=layout.attstorage[index],
            attnotnull=layout.attnotnull[index],
            attisdropped=layout.attisdropped[index],
            atthasmissing=layout.atthasmissing[index],
            typname=layout.typname[index] or "",
            atttypmod=layout.atttypmod[index],
            stanullfrac=nulls.get(index + 1),
            stawidth=widths.get(index + 1),
            is_virtual=layout.attisvirtual[index],
        )
        for index in range(len(layout.attlen))
    )
