"""A unique index counts rows that are marked as deleted, so their values can't be used again."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.findings.indexes._drop import place, shown
from alerts.findings.indexes._partial import columns_of, mentions, rebuilt
from alerts.findings.indexes._soft_delete import SoftDelete, soft_deletes
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import share_text
from collectors._base import Role
from collectors.column_statistics import column_statistics
from collectors.index_layout import IndexLayout, index_layout
from collectors.soft_delete_columns import soft_delete_columns

RANDOM = ("uuid",)
"""Types of values that are never used again."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the index has the condition or it has not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for table in soft_deletes(snapshot):
        if table.deleted_share == 0:
            continue
        for index in table.indexes:
            if counts_deleted(index, table):
                yield evidence(index, table)


def counts_deleted(index: IndexLayout, table: SoftDelete) -> bool:
    """Return True for a key of the application, of which deleted rows are part."""
    is_key = index.is_primary or index.is_referenced or index.is_replica_identity
    is_random = any(column.type in RANDOM for column in columns_of(index)[: index.indnkeyatts])
    return (
        index.is_unique
        and index.indpred is None
        and not (is_key or is_random or index.is_of_extension or index.is_partition)
        and not mentions(index, table.mark.attnum)
        and not any(replaces(other, index) for other in table.partial)
    )


def replaces(partial: IndexLayout, index: IndexLayout) -> bool:
    """Return True if the same key is unique among live rows: the full one stays on purpose."""
    return partial.is_unique and partial.indkey == index.indkey


def evidence(index: IndexLayout, table: SoftDelete) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    keys = ", ".join(
        identifier(column.name) if column.name else "an expression"
        for column in columns_of(index)[: index.indnkeyatts]
    )
    share = table.deleted_share
    part = f" ({share_text(share)} of the rows)" if share else ""
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=share or 0,
        message=(
            f"{name} keeps {keys} unique among all rows of {table.table}, also those that"
            f" {table.column} marks as deleted{part}: their values can't be used again."
        ),
        facts={
            "table": table.table,
            "columns": keys,
            "column": table.column,
            "deleted_share": share,
            "backs_constraint": index.backs_constraint,
        },
        cure=(
            place(index.datname),
            remark("Only if a deleted row must not keep its value. Uniqueness among live rows:"),
            *rebuilt(index, table.is_live),
            remark(
                "Statements with ON CONFLICT on these columns need the same WHERE from then on."
            ),
            remark(f"After that, drop {_full(index)}."),
        ),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


def _full(index: IndexLayout) -> str:
    name = identifier(index.indexrelname)
    return f"the constraint {name}" if index.backs_constraint else f"the index {name}"


finding = Finding(
    title="Unique index of soft-deleted rows",
    severities=(Severity.info,),
    reads=(soft_delete_columns, index_layout),
    consults=(column_statistics,),
    limits=Limits(),
    judge=judge,
    unit="share",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
