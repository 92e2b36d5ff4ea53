"""Estimated bloat of the largest tables and indexes, as the findings estimate it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample, Value

HOW = (
    "Estimated from statistics, without reading the file; of the largest tables and B-trees of at"
    " least 1 MB, as of their last vacuum or analyze."
)
TABLE, INDEX = "table", "index"
TABLE_LABELS = ("datname", "schemaname", "relname")
INDEX_LABELS = (*TABLE_LABELS, "indexrelname")
OLD_INDEX_LABELS = (*TABLE_LABELS, "idxname")


@dataclass(frozen=True, slots=True)
class BloatEstimate:
    """Estimate for one table, system catalogue or B-tree; shares are of its file."""

    kind: str
    """`table` or `index`."""
    datname: str
    schemaname: str
    relname: str
    """The table, also of an index."""
    indexrelname: str
    """Empty for a table."""
    size_bytes: int
    bloat_bytes: int
    """What a rewrite would free."""
    bloat_share: float
    lowest_share: float
    highest_share: float
    is_sure: bool
    """Whether it can become a warning: enough rows were read, and few have changed since."""

    @property
    def idxname(self) -> str:
        return self.indexrelname


def of(
    kind: str, name: str, help: str, value: Callable[[BloatEstimate], Value], *labels: str
) -> Metric[BloatEstimate]:
    """Define a gauge with a sample for each table, or for each index."""

    def samples(rows: Sequence[BloatEstimate]) -> Iterator[Sample]:
        for row in rows:
            if row.kind == kind:
                yield tuple(getattr(row, label) for label in labels), value(row)

    return Metric(name, "gauge", f"{help} {HOW}", labels, samples)


def families(kind: str, what: str, labels: tuple[str, ...]) -> tuple[Metric[BloatEstimate], ...]:
    prefix, each = f"pg_{kind}_bloat_", f"of the {what}"
    return (
        of(
            kind,
            f"{prefix}bytes",
            f"Bytes {each} that a rewrite would free.",
            lambda row: row.bloat_bytes,
            *labels,
        ),
        of(
            kind,
            f"{prefix}ratio",
            f"Share {each} that a rewrite would free, 0 to 1.",
            lambda row: row.bloat_share,
            *labels,
        ),
        of(
            kind,
            f"{prefix}lowest_ratio",
            f"Low end of the interval of that share {each.removesuffix(',')}.",
            lambda row: row.lowest_share,
            *labels,
        ),
        of(
            kind,
            f"{prefix}highest_ratio",
            f"High end of the interval of that share {each.removesuffix(',')}.",
            lambda row: row.highest_share,
            *labels,
        ),
        of(
            kind,
            f"{prefix}size",
            f"Bytes {each} in all.",
            lambda row: row.size_bytes,
            *labels,
        ),
    )


def old(
    kind: str,
    name: str,
    help: str,
    value: Callable[[BloatEstimate], Value],
    labels: tuple[str, ...],
) -> Metric[BloatEstimate]:
    """Define a gauge under a name that published rules use."""
    return of(kind, name, help, value, *labels).also(name)


def percent(row: BloatEstimate) -> float:
    return 100.0 * row.bloat_share


bloat_estimates: Collector[BloatEstimate] = Collector(
    row=BloatEstimate,
    lane=Lane.table,
    metrics=(
        *families(TABLE, "table, without its TOAST and indexes,", TABLE_LABELS),
        *families(INDEX, "B-tree", INDEX_LABELS),
        old(TABLE, "pg_bloat_table_bloat_pct", "Bloat in percent.", percent, TABLE_LABELS),
        old(
            TABLE,
            "pg_bloat_table_real_size",
            "Bytes in all.",
            lambda row: row.size_bytes,
            TABLE_LABELS,
        ),
        old(INDEX, "pg_bloat_btree_bloat_pct", "Bloat in percent.", percent, OLD_INDEX_LABELS),
        old(
            INDEX,
            "pg_bloat_btree_real_size",
            "Bytes in all.",
            lambda row: row.size_bytes,
            OLD_INDEX_LABELS,
        ),
    ),
)
