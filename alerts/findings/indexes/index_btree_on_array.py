"""A B-tree on an array or document compares it as a whole; it can't find what is inside."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import concurrently, identifier, remark
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._drop import place, shown
from alerts.findings.indexes._partial import columns_of
from alerts.findings.indexes._review import layout_review
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import bytes_text
from collectors._columns import column, where
from collectors.index_layout import IndexLayout, index_layout

NESTED = re.compile(r'\A\[\["(?:[^"\\]|\\.)*", "(_|jsonb"|tsvector")')
"""The JSON of columns whose first one is of such a type; arrays have types such as _int4."""
INSIDE = ("gin", "gist", "rum")
"""Access methods that find what is inside."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the type of the column decides."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(index_layout)
    suspects = list(candidates(rows))
    served = searchable(rows, suspects)
    for index in suspects:
        if (index.datname, index.relid, first_of(index)) not in served:
            yield evidence(index)


def candidates(rows: Sequence[IndexLayout]) -> Iterator[IndexLayout]:
    """Yield those that no query is known to need: scans of the table are as frequent."""
    pairs = zip(column(rows, "indexrelid"), column(rows, "columns"), strict=True)
    nested = {index for index, columns in pairs if NESTED.match(columns)}
    for row in where(rows, "indexrelid", nested):
        if not NESTED.match(row.columns):
            continue  # of another database
        for_scans = row.is_valid and not (row.is_unique or is_bound(row))
        if row.amname == "btree" and for_scans and row.idx_scan <= row.seq_scan:
            yield row


def first_of(index: IndexLayout) -> str:
    return index.indkey.split()[0]


def searchable(
    rows: Sequence[IndexLayout], suspects: Sequence[IndexLayout]
) -> set[tuple[str, int, str]]:
    """Return the columns that an index of another kind searches."""
    return {
        (row.datname, row.relid, attnum)
        for row in where(rows, "relid", {index.relid for index in suspects})
        if row.amname in INSIDE
        for attnum in row.indkey.split()
    }


def evidence(index: IndexLayout) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    table = identifier(index.schemaname, index.relname)
    first = columns_of(index)[0]
    column, kind = identifier(first.name or ""), first.type or ""
    what = f"{kind[1:]}[]" if kind.startswith("_") else kind
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=index.size_bytes,
        message=(
            f"{name} ({bytes_text(index.size_bytes)}) is a B-tree on {column} ({what}) of {table}:"
            " it finds values that are equal as a whole, but none by what they contain, and there"
            " is no index that does."
        ),
        facts={
            "table": table,
            "type": what,
            "size_bytes": index.size_bytes,
            "scans": index.idx_scan,
            "sequential_scans": index.seq_scan,
        },
        cure=(
            place(index.datname),
            remark("For searches such as @>, && or @@. Once nothing uses it, drop the B-tree."),
            *concurrently(
                f"CREATE INDEX CONCURRENTLY ON {table} USING gin ({column});",
                "the new index is invalid; drop it with DROP INDEX CONCURRENTLY.",
            ),
        ),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


finding = layout_review("B-tree on an array or document", Limits(), judge)
