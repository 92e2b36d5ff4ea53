"""Most entries of an index are NULL: they are maintained, and rarely looked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import identifier, remark
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._drop import place, shown
from alerts.findings.indexes._null_share import null_shares
from alerts.findings.indexes._partial import columns_of, has_variable, rebuilt
from alerts.findings.indexes._review import layout_review
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, share_text
from collectors._columns import column, where
from collectors.column_statistics import column_statistics
from collectors.index_layout import IndexLayout, index_layout


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_share: Share = 0.8
    """Share of the rows whose first indexed column is NULL."""
    min_bytes: Bytes = 50 * 1024**2
    """Minimum size of the index."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(index_layout)
    found = list(candidates(rows, limits))
    relids = {index.relid for index in found}
    shares = null_shares(snapshot.rows(column_statistics), relids)
    partial = [row for row in where(rows, "relid", relids) if row.indpred]
    for index in found:
        first = int(index.indkey.split()[0])
        share = shares.get((index.datname, index.relid, first), 0.0)
        if share >= limits.min_share and not any(is_twin(row, index, first) for row in partial):
            yield evidence(index, share)


def is_twin(partial: IndexLayout, index: IndexLayout, first: int) -> bool:
    """Return True if the same index exists without the NULLs."""
    same = (partial.datname, partial.indkey) == (index.datname, index.indkey)
    return same and partial.relid == index.relid and has_variable(partial.indpred or "", first)


def candidates(rows: Sequence[IndexLayout], limits: Limits) -> Iterator[IndexLayout]:
    sizes = zip(column(rows, "indexrelid"), column(rows, "size_bytes"), strict=True)
    large = {index for index, size in sizes if size >= limits.min_bytes}
    for row in where(rows, "indexrelid", large):
        enforces = row.is_unique or is_bound(row)
        is_large = row.size_bytes >= limits.min_bytes  # one of another database may have its oid
        is_plain = row.amname == "btree" and row.is_valid and not row.indpred
        if is_large and is_plain and not enforces:
            yield row


def evidence(index: IndexLayout, share: float) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    table = identifier(index.schemaname, index.relname)
    first = columns_of(index)[0].name
    column = identifier(first) if first else "its first expression"
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=index.size_bytes,
        message=(
            f"{share_text(share)} of the entries of {name} on {table}"
            f" ({bytes_text(index.size_bytes)}) are NULL in {column}: an index without them would"
            " serve every query but those that look for NULL."
        ),
        facts={
            "table": table,
            "null_share": share,
            "size_bytes": index.size_bytes,
            "scans": index.idx_scan,
        },
        cure=(
            place(index.datname),
            remark(f"Only if no query looks for rows where {column} IS NULL:"),
            *rebuilt(index, f"{column} IS NOT NULL"),
            remark(f"Drop {name} once index_unused reports it, or EXPLAIN shows the new one."),
        ),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


finding = layout_review("Index of mostly NULL", Limits(), judge, details=(column_statistics,))
