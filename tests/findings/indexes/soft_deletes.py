"""A table whose rows are marked as deleted, by rows made by hand."""

from alerts.snapshot import Snapshot
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.index_layout import IndexLayout, index_layout
from collectors.soft_delete_columns import SoftDeleteColumn, soft_delete_columns
from tests.findings.indexes.layouts import MIB
from tests.fixtures.session_rows import seen

MARK = SoftDeleteColumn(
    datname="shop",
    relid=10,
    schemaname="public",
    relname="orders",
    attnum=3,
    attname="deleted_at",
    typname="timestamptz",
    attnotnull=False,
    table_bytes=100 * MIB,
    table_rows=1e6,
)
LIVE = "{NULLTEST :arg {VAR :varno 1 :varattno 3 :vartype 1184} :nulltesttype 0}"


def marked(
    *indexes: IndexLayout, deleted: float | None = 0.3, mark: SoftDeleteColumn = MARK
) -> Snapshot:
    """What is known of public.orders, of which so large a part is deleted."""
    shares = [] if deleted is None else [1 - deleted]
    columns = [mark.attnum] * len(shares)
    widths, distinct = [8] * len(shares), [-1.0] * len(shares)
    statistics = ColumnStatistics("shop", 10, columns, shares, widths, distinct)
    return seen(
        (soft_delete_columns, [mark]),
        (index_layout, indexes),
        (column_statistics, [statistics] if shares else []),
    )
