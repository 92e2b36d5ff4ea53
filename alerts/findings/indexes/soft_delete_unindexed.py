"""Many rows are marked as deleted, and no index is limited to the live ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import equals, literal, remark
from alerts.findings.indexes._drop import place
from alerts.findings.indexes._soft_delete import SoftDelete, soft_deletes
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share, bytes_text, share_text
from collectors._base import Role
from collectors.column_statistics import column_statistics
from collectors.index_layout import index_layout
from collectors.soft_delete_columns import soft_delete_columns


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_share: Share = 0.3
    """Share of the rows that are marked as deleted."""
    min_bytes: Bytes = 100 * 1024**2
    """Minimum size of the table."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for table in soft_deletes(snapshot):
        share = table.deleted_share
        if share is None or share < limits.min_share or table.mark.table_bytes < limits.min_bytes:
            continue
        # What has full indexes is told for each of them by index_soft_delete_full.
        if not table.partial and not table.full:
            yield evidence(table, share)


def evidence(table: SoftDelete, share: float) -> Evidence:
    mark = table.mark
    return Evidence(
        subject=table.table,
        severity=Severity.info,
        value=share,
        message=(
            f"{share_text(share)} of the rows of {table.table} ({bytes_text(mark.table_bytes)})"
            f" have {table.column} set, and no index is limited to the live ones: searches read"
            " deleted rows too."
        ),
        facts={
            "column": table.column,
            "deleted_share": share,
            "table_bytes": mark.table_bytes,
            "rows": mark.table_rows,
        },
        cure=(
            place(mark.datname),
            remark(f"1. Find the most frequent searches that end in {table.is_live}."),
            remark("2. Create an index CONCURRENTLY on the columns that they compare, with that"),
            remark("condition as its WHERE."),
            remark("3. Move rows that were deleted long ago into an archive table, in batches."),
        ),
        check=(
            "SELECT attname, null_frac FROM pg_catalog.pg_stats"
            f" WHERE {equals('schemaname', literal(mark.schemaname))}"
            f" AND {equals('tablename', literal(mark.relname))}"
            f" AND {equals('attname', literal(mark.attname))};"
        ),
        object=table.table,
        database=mark.datname,
    )


finding = Finding(
    title="Soft-deleted rows without a partial index",
    severities=(Severity.info,),
    reads=(soft_delete_columns, index_layout, column_statistics),
    details=(column_statistics,),
    limits=Limits(),
    judge=judge,
    unit="share",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
