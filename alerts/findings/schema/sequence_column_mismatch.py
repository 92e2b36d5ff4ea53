"""A sequence of a smaller type than its column ends long before the column is full."""

from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors._columns import column, where
from collectors.sequences import LARGEST, Sequence, sequences

WIDTHS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
"""The largest value of each type."""
SMALLER = frozenset(LARGEST.values())
"""Ends of sequences that are those of a smaller type; any other was chosen."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the types are equal or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in narrow(snapshot.rows(sequences)):
        yield evidence(row)


def narrow(rows: Rows[Sequence]) -> Iterator[Sequence]:
    pairs = zip(column(rows, "relid"), column(rows, "max_value"), strict=True)
    ended = {relid for relid, end in pairs if end in SMALLER}
    for row in where(rows, "relid", ended):
        is_smaller = row.max_value < WIDTHS.get(row.column_type or "", 0)
        if row.max_value in SMALLER and is_smaller and not row.cycles and row.increment > 0:
            yield row


def evidence(row: Sequence) -> Evidence:
    name = identifier(row.schemaname, row.sequencename)
    table = identifier(row.table_schemaname or "", row.relname or "")
    fed = f"{table}.{identifier(row.column_name or '')}"
    end = WIDTHS[row.column_type or "bigint"]
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=row.max_value,
        message=(
            f"The sequence {name} ends at {row.max_value:,}, but {fed}, which it fills, is"
            f" {row.column_type}: inserts will fail although the column has room."
        ),
        facts={
            "column": fed,
            "column_type": row.column_type,
            "end": row.max_value,
            "last_value": row.last_value,
            "used_ratio": row.used_ratio,
        },
        cure=(
            remark("Only the catalogue is changed; sessions that insert wait for an instant:"),
            *plain_ddl(f"ALTER SEQUENCE {name} AS {row.column_type} MAXVALUE {end};"),
        ),
        check=(
            "SELECT seqtypid::pg_catalog.regtype, seqmax FROM pg_catalog.pg_sequence WHERE seqrelid"
            f" OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.sequencename)};"
        ),
        object=name,
        database=row.datname,
    )


finding = Finding(
    title="Sequence smaller than its column",
    severities=(Severity.warning,),
    reads=(sequences,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
