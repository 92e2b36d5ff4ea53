"""A large index also holds the rows that are marked as deleted, which searches leave out."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.findings.indexes._drop import place, shown
from alerts.findings.indexes._partial import rebuilt
from alerts.findings.indexes._soft_delete import SoftDelete, soft_deletes
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, share_text
from collectors._base import Role
from collectors.column_statistics import column_statistics
from collectors.index_layout import IndexLayout, index_layout
from collectors.soft_delete_columns import soft_delete_columns


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_share: Share = 0.3
    """Share of the rows that are marked as deleted."""
    min_bytes: Bytes = 100 * 1024**2
    """Minimum size of the index."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for table in soft_deletes(snapshot):
        share = table.deleted_share
        if share is not None and share >= limits.min_share:
            for index in table.full:
                # A foreign key asks for deleted rows as well.
                if index.size_bytes >= limits.min_bytes and not index.supports_fk:
                    yield evidence(index, table, share)


def evidence(index: IndexLayout, table: SoftDelete, share: float) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=index.size_bytes * share,
        message=(
            f"{share_text(share)} of the rows in {name} on {table.table} have {table.column} set:"
            f" without them it would take {bytes_text(index.size_bytes * (1 - share))} instead of"
            f" {bytes_text(index.size_bytes)}."
        ),
        facts={
            "table": table.table,
            "column": table.column,
            "deleted_share": share,
            "size_bytes": index.size_bytes,
            "scans": index.idx_scan,
        },
        cure=(
            place(index.datname),
            remark("Only if each statement that uses it has this condition in its WHERE:"),
            *rebuilt(index, table.is_live),
            remark(f"Drop {name} once index_unused reports it, or EXPLAIN shows the new one."),
        ),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


finding = Finding(
    title="Index of soft-deleted rows",
    severities=(Severity.info,),
    reads=(soft_delete_columns, index_layout, column_statistics),
    details=(column_statistics,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
