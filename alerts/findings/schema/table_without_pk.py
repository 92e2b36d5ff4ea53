"""A table without a primary key: single rows can't be told apart, nor replicated."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import concurrently, identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.keyless_tables import KeylessTable, keyless_tables

LONGEST = 63
"""Bytes of a name."""
NEW = "_pkey_new"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    rows: int = 100
    """Minimum number of rows; a table that is never changed is not judged below it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(keyless_tables):
        if row.is_unlogged:
            continue  # for loads that can be repeated, and never replicated
        if row.rows >= limits.rows or row.changed_rows:
            yield evidence(row)


def evidence(row: KeylessTable) -> Evidence:
    table = identifier(row.schemaname, row.relname)
    changed = (
        f"; {plural(row.changed_rows, 'row was', 'rows were')} updated or deleted"
        if row.changed_rows
        else ""
    )
    return Evidence(
        subject=table,
        severity=Severity.warning if row.changed_rows else Severity.info,
        value=max(0.0, row.rows),
        message=f"{table} has no primary key{changed}: {price(row)}.",
        facts={
            "rows": row.rows if row.rows >= 0 else None,
            "changed_rows": row.changed_rows,
            "unique_columns": ", ".join(row.unique_columns) if row.unique_columns else None,
        },
        cure=cure(row, table),
        check=(
            "SELECT contype, conname FROM pg_catalog.pg_constraint WHERE conrelid"
            f" OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.relname)};"
        ),
        object=table,
        database=row.datname,
    )


def price(row: KeylessTable) -> str:
    """Say what the lack of a key means for this table."""
    is_told_apart = row.unique_columns is not None
    prices = [
        *([] if is_told_apart else ["the same row may be there twice"]),
        *([] if row.is_identified else ["logical replication refuses its updates and deletes"]),
    ]
    return ", and ".join(prices) or "programs that ask for the key of a row find none"


def cure(row: KeylessTable, table: str) -> tuple[str, ...]:
    if not row.unique_columns or row.is_partitioned:
        return (
            remark("Choose the columns that identify a row, or add a column (bigint, generated as"),
            remark("identity) while the table is small; build a unique index CONCURRENTLY, then"),
            remark("make it the primary key in one short step (USING INDEX)."),
        )
    columns = ", ".join(map(identifier, row.unique_columns))
    name = identifier(row.relname.encode()[: LONGEST - len(NEW)].decode(errors="ignore") + NEW)
    return (
        remark(f"A unique index on {columns} exists, and none of them can be null:"),
        *concurrently(
            f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns});",
            f"drop the invalid index {name} and start again.",
        ),
        *plain_ddl(f"ALTER TABLE {table} ADD PRIMARY KEY USING INDEX {name};"),
        remark("The older index is then superfluous."),
    )


finding = Finding(
    title="Table without a primary key",
    severities=(Severity.info, Severity.warning),
    reads=(keyless_tables,),
    limits=Limits(),
    judge=judge,
    unit="rows",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
