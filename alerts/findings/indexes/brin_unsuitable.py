"""A BRIN index whose scans read most of the table anyway, because its rows are in no order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import concurrently, identifier, remark
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._drop import place, shown
from alerts.findings.indexes._partial import columns_of
from alerts.findings.indexes._review import layout_review
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, share_text
from collectors._columns import where
from collectors.index_layout import IndexLayout, index_layout

ENTRIES = 10
"""Entries that PostgreSQL counts for each page that a BRIN index names, as it can't know better."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_share: Share = 0.5
    """Share of the table that a scan reads on average."""
    min_scans: int = 20
    """Scans since the statistics began, below which the average says little."""
    min_bytes: Bytes = 100 * 1024**2
    """Minimum size of the table."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(index_layout)
    found = [row for row in where(rows, "amname", {"brin"}) if reads_too_much(row, limits)]
    sorted_by = first_columns(rows, found)
    for index in found:
        if not is_bound(index) and (index.datname, index.relid, first_of(index)) not in sorted_by:
            yield evidence(index)


def reads_too_much(index: IndexLayout, limits: Limits) -> bool:
    return (
        index.is_valid
        and index.idx_scan >= limits.min_scans
        and index.table_bytes >= limits.min_bytes
        and pages_of_scan(index) >= limits.min_share * index.table_pages
    )


def pages_of_scan(index: IndexLayout) -> float:
    """Return the pages that a scan reads on average."""
    return index.idx_tup_read / ENTRIES / index.idx_scan


def first_of(index: IndexLayout) -> str:
    return index.indkey.split()[0]


def first_columns(
    rows: Sequence[IndexLayout], found: Sequence[IndexLayout]
) -> set[tuple[str, int, str]]:
    """Return the columns that a B-tree of the same table begins with."""
    relids = {index.relid for index in found}
    return {
        (row.datname, row.relid, first_of(row))
        for row in where(rows, "relid", relids)
        if row.amname == "btree"
    }


def evidence(index: IndexLayout) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    table = identifier(index.schemaname, index.relname)
    share = min(1.0, pages_of_scan(index) / index.table_pages)
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=share,
        message=(
            f"{plural(index.idx_scan, 'scan')} of the BRIN index {name} read on average"
            f" {share_text(share)} of {table} ({bytes_text(index.table_bytes)}): its rows are not"
            " stored in the order of the indexed columns."
        ),
        facts={
            "table": table,
            "scans": index.idx_scan,
            "read_share": share,
            "table_bytes": index.table_bytes,
            "size_bytes": index.size_bytes,
        },
        cure=(place(index.datname), *cure(index, table)),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


def cure(index: IndexLayout, table: str) -> Iterator[str]:
    columns = columns_of(index)
    names = [identifier(column.name) for column in columns if column.name]
    if len(names) < len(columns):
        yield remark("Build a B-tree on the same expressions, CONCURRENTLY.")
        return
    yield remark("A B-tree finds the rows in any order, but is much larger and costs each insert.")
    yield remark("If the ranges that are searched hold few rows:")
    yield from concurrently(
        f"CREATE INDEX CONCURRENTLY ON {table} USING btree ({', '.join(names)});",
        "the new index is invalid; drop it with DROP INDEX CONCURRENTLY.",
    )


finding = layout_review("BRIN index on unordered rows", Limits(), judge, unit="share")
