"""A large B-tree on a column in whose order the rows lie anyway, as a small BRIN index can tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.cure import concurrently, identifier, remark
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._drop import kept, place, shown
from alerts.findings.indexes._partial import columns_of
from alerts.findings.indexes._review import layout_review
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text
from collectors._columns import column, where
from collectors.column_correlations import column_correlations
from collectors.index_layout import IndexLayout, index_layout

RANGE_PAGES = 128
"""Pages of a table that BRIN keeps together, by default."""
ENTRY_BYTES, LEAST_BYTES = 40, 3 * 8192
"""Size of such an index: what a range takes, and its first pages."""
NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}
ORDERED = NUMBERS | {"date", "time", "timestamp", "timestamptz", "uuid"}
"""Types whose values BRIN keeps the least and the largest of."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_bytes: Bytes = 1024**3
    """Minimum size of the B-tree."""
    min_correlation: Share = 0.99
    """How far the rows lie in the order of the column; 1 is exactly."""
    max_moved: Share = 0.01
    """Rows that were deleted, or updated to another place, as a share of all: new rows come into
    the gaps, and spoil the order."""
    min_scans: int = 20
    """Scans since the statistics began, below which the average says little."""


Correlations = dict[tuple[str, int, int], float | None]
"""By database, table and number of the column."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Without a B-tree that could be replaced there is nothing to read, and no right is missed."""
    candidates = list(candidates_of(snapshot.rows(index_layout), limits))
    if not candidates:
        return
    answer = snapshot.answer(column_correlations)
    rows = where(answer.rows, "relid", {index.relid for index in candidates})
    known = {(row.datname, row.relid, row.attnum): row.correlation for row in rows}
    for database in sorted({index.datname for index in candidates} & answer.missing.keys()):
        absence = answer.missing[database]
        yield Unjudged(absence.reason, database, grant=absence.grant)
    for index in candidates:
        if index.datname not in answer.missing:
            yield from judged(index, known, limits)


def judged(index: IndexLayout, known: Correlations, limits: Limits) -> Iterator[Outcome]:
    key = index.datname, index.relid, int(index.indkey)
    if key not in known:
        why = "columns without statistics; ANALYZE its table"
        yield Unjudged(why, index.datname, identifier(index.schemaname, index.indexrelname))
    elif abs(known[key] or 0.0) >= limits.min_correlation:
        yield evidence(index, known[key] or 0.0)


def candidates_of(rows: Sequence[IndexLayout], limits: Limits) -> Iterator[IndexLayout]:
    """Yield the large indexes that a BRIN index could replace, if only the rows are in order."""
    sizes = zip(column(rows, "indexrelid"), column(rows, "size_bytes"), strict=True)
    large = {oid for oid, size in sizes if size >= limits.min_bytes}
    found = [
        index
        for index in where(rows, "indexrelid", large)
        if is_replaceable(index) and searches_ranges(index, limits) and is_appended(index, limits)
    ]
    beside = where(rows, "relid", {index.relid for index in found})
    has_brin = {
        (row.datname, row.relid, number)
        for row in beside
        if row.amname == "brin"
        for number in row.indkey.split()
    }
    for index in found:
        if (index.datname, index.relid, index.indkey) not in has_brin:
            yield index


def is_replaceable(index: IndexLayout) -> bool:
    """Return whether it is a plain B-tree on one ordered column, which only queries need."""
    return (
        index.amname == "btree"
        and index.is_valid
        and not index.is_unique
        and not is_bound(index)
        and index.indkey.isdigit()
        and index.indkey != "0"
        and index.indpred is None
        and columns_of(index)[0].type in ORDERED
        and bool(columns_of(index)[0].is_default_opclass)
    )


def searches_ranges(index: IndexLayout, limits: Limits) -> bool:
    """Return whether a scan returns, on average, at least the rows of one range of BRIN.

    A BRIN index reads the whole range also for one row.
    """
    if index.idx_scan < limits.min_scans or index.table_pages <= 0 or index.table_rows <= 0:
        return False
    rows_of_range = index.table_rows / index.table_pages * RANGE_PAGES
    return index.idx_tup_read / index.idx_scan >= rows_of_range


def is_appended(index: IndexLayout, limits: Limits) -> bool:
    moved = index.n_tup_del + index.n_tup_upd - index.n_tup_hot_upd
    return moved <= limits.max_moved * index.table_rows


def evidence(index: IndexLayout, correlation: float) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    table = identifier(index.schemaname, index.relname)
    key = identifier(columns_of(index)[0].name or "")
    size = LEAST_BYTES + index.table_pages // RANGE_PAGES * ENTRY_BYTES
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=index.size_bytes,
        message=(
            f"The rows of {table} lie in the order of {key} (correlation {correlation:.3f}) and are"
            f" searched by ranges: a BRIN index of about {bytes_text(size)} can do what the B-tree"
            f" {name} does with {bytes_text(index.size_bytes)}."
        ),
        facts={
            "table": table,
            "correlation": correlation,
            "size_bytes": index.size_bytes,
            "brin_bytes": size,
            "scans": index.idx_scan,
            "rows_of_scan": index.idx_tup_read / index.idx_scan,
        },
        cure=(place(index.datname), *cure(index, table, key)),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


def cure(index: IndexLayout, table: str, key: str) -> Iterator[str]:
    name = identifier(index.schemaname, index.indexrelname)
    yield remark("1. Build the BRIN index beside the B-tree; it is small, and soon made:")
    yield from concurrently(
        f"CREATE INDEX CONCURRENTLY ON {table} USING brin ({key}) WITH (autosummarize = on);",
        "the new index is invalid; drop it with DROP INDEX CONCURRENTLY.",
    )
    yield from kept(index.schemaname, index.indexrelname)
    yield remark("2. Keep the B-tree if queries fetch single rows by it, or read it in order with")
    yield remark("LIMIT, which BRIN can't. Else drop it, and create it again if plans get worse:")
    yield remark(f"DROP INDEX CONCURRENTLY {name};")


finding = layout_review(
    "B-tree where BRIN would do", Limits(), judge, consults=(column_correlations,)
)
