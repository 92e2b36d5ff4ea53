"""An index on a status of which only rare values are looked up: a partial index is far smaller."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._drop import place, shown
from alerts.findings.indexes._partial import columns_of
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text
from collectors._base import Role
from collectors._columns import column, where
from collectors.column_statistics import column_statistics
from collectors.index_layout import IndexLayout, index_layout


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_bytes: Bytes = 50 * 1024**2
    """Minimum size of the index."""
    max_values: int = 20
    """Maximum number of values of its column at the last ANALYZE."""
    min_scans: int = 100
    """Minimum number of scans since the statistics were reset."""
    max_share: Share = 0.05
    """Share of the rows of an average value that a scan reads at most, if it looks for rare
    ones."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    found = list(candidates(snapshot.rows(index_layout), limits))
    known = {
        (row.datname, row.relid, str(attnum)): distinct
        for row in where(
            snapshot.rows(column_statistics), "relid", {index.relid for index in found}
        )
        for attnum, distinct in zip(row.staattnum, row.stadistinct, strict=True)
    }
    for index in found:
        values = known.get((index.datname, index.relid, index.indkey), 0.0)
        if 2 <= values <= limits.max_values:
            read = index.idx_tup_read / index.idx_scan
            if read <= limits.max_share * index.table_rows / values:
                yield evidence(index, round(values), read)


def candidates(rows: Sequence[IndexLayout], limits: Limits) -> Iterator[IndexLayout]:
    sizes = zip(column(rows, "indexrelid"), column(rows, "size_bytes"), strict=True)
    large = {index for index, size in sizes if size >= limits.min_bytes}
    for row in where(rows, "indexrelid", large):
        is_large = row.size_bytes >= limits.min_bytes  # one of another database may have its oid
        is_plain = row.amname == "btree" and row.is_valid and row.indpred is None
        is_single = row.indkey.isdigit() and row.indkey != "0"
        enforces = row.is_unique or is_bound(row) or row.supports_fk
        is_used = row.idx_scan >= limits.min_scans and row.table_rows > 0
        if is_large and is_plain and is_single and is_used and not enforces:
            yield row


def evidence(index: IndexLayout, values: int, read: float) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    table = identifier(index.schemaname, index.relname)
    held = identifier(columns_of(index)[0].name or "")
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=index.size_bytes,
        message=(
            f"{held} of {table} has {values} values, and a scan of {name}"
            f" ({bytes_text(index.size_bytes)}) reads {plural(round(read), 'row')} on average: only"
            " rare values are looked up, and a partial index of them would be far smaller."
        ),
        facts={
            "table": table,
            "values": values,
            "size_bytes": index.size_bytes,
            "rows": index.table_rows,
            "rows_a_scan": read,
            "scans": index.idx_scan,
        },
        cure=(
            place(index.datname),
            remark("1. See which values queries look for; 2. build a partial index CONCURRENTLY"),
            remark("with that condition, on the columns by which such rows are sorted, not"),
            remark(f"{held}; 3. drop {name} once index_unused reports it."),
        ),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


finding = Finding(
    title="Index on a skewed status",
    severities=(Severity.info,),
    reads=(index_layout, column_statistics),
    details=(column_statistics,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
