"""Share of NULL in columns, from the statistics of the last ANALYZE."""

from collections.abc import Collection, Mapping, Sequence

from collectors._columns import where
from collectors.column_statistics import ColumnStatistics


def null_shares(
    rows: Sequence[ColumnStatistics], tables: Collection[int]
) -> Mapping[tuple[str, int, int], float]:
    """Return it by database, table and column number; only of the tables asked for."""
    return {
        (row.datname, row.relid, attnum): share
        for row in where(rows, "relid", tables)
        for attnum, share in zip(row.staattnum, row.stanullfrac, strict=True)
    }
