"""Random UUIDs as keys scatter inserts over the whole index, which then has to stay in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text
from collectors._base import Role
from collectors.random_keys import RandomKey, random_keys

ORDERED = 180000
"""The first version of PostgreSQL that makes ordered UUIDs."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_bytes: Bytes = 10 * 1024**3
    """Minimum size of the table and the index of its key together; what fits into memory is
    inserted fast in any order."""
    min_inserts: int = 1_000_000
    """Minimum number of rows inserted since the statistics were reset."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(random_keys):
        is_large = row.table_bytes + row.key_bytes >= limits.min_bytes
        if is_large and row.inserted_rows >= limits.min_inserts:
            yield evidence(row)


def evidence(row: RandomKey) -> Evidence:
    table, column = identifier(row.schemaname, row.relname), identifier(row.attname)
    return Evidence(
        subject=table,
        severity=Severity.info,
        value=row.key_bytes,
        message=(
            f"The key {column} of {table} is a random UUID: each of"
            f" {plural(row.inserted_rows, 'insert')} so far went to another page of its index"
            f" ({bytes_text(row.key_bytes)}), and wrote that page to the WAL whole after each"
            " checkpoint."
        ),
        facts={
            "table_bytes": row.table_bytes,
            "key_bytes": row.key_bytes,
            "rows": row.rows,
            "inserted_rows": row.inserted_rows,
        },
        cure=cure(row, table, column),
        check=(
            "SELECT relname, relpages FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=)"
            f" {regclass(row.schemaname, row.relname)};"
        ),
        object=table,
        database=row.datname,
    )


def cure(row: RandomKey, table: str, column: str) -> tuple[str, ...]:
    if row.version < ORDERED:
        return (
            remark("Let the application make UUIDs of version 7, which are ordered by time; the"),
            remark("type of the column and the old values stay. PostgreSQL 18 can make them too."),
        )
    return (
        remark("UUIDs of version 7 are ordered by time, and all who see one can read that time;"),
        remark("the old values stay:"),
        *plain_ddl(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT pg_catalog.uuidv7();"),
    )


finding = Finding(
    title="Random UUID as primary key",
    severities=(Severity.info,),
    reads=(random_keys,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
