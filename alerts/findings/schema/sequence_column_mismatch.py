"""A sequence ends before its column is full, or goes on when the column is."""

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
FIT = ("relid", "max_value", "column_type")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the types are equal or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(sequences)
    for row in narrow(rows):
        yield evidence(row)
    for row in endless(rows):
        yield evidence_of_column(row)


def narrow(rows: Rows[Sequence]) -> Iterator[Sequence]:
    pairs = zip(column(rows, "relid"), column(rows, "max_value"), strict=True)
    ended = {relid for relid, end in pairs if end in SMALLER}
    for row in where(rows, "relid", ended):
        is_smaller = row.max_value < WIDTHS.get(row.column_type or "", 0)
        if row.max_value in SMALLER and is_smaller and not row.cycles and row.increment > 0:
            yield row


def endless(rows: Rows[Sequence]) -> Iterator[Sequence]:
    """Yield those of bigint that fill a smaller column."""
    triples = zip(*(column(rows, name) for name in FIT), strict=True)
    wide = {relid for relid, end, kind in triples if end == WIDTHS["bigint"] and kind in LARGEST}
    for row in where(rows, "relid", wide):
        is_wider = row.max_value == WIDTHS["bigint"] and row.column_type in LARGEST
        if is_wider and not row.cycles and row.increment > 0:
            yield row


def filled_by(row: Sequence) -> str:
    table = identifier(row.table_schemaname or "", row.relname or "")
    return f"{table}.{identifier(row.column_name or '')}"


def evidence_of_column(row: Sequence) -> Evidence:
    """The column ends first: an error of its range, which says nothing of the sequence."""
    name, fed = identifier(row.schemaname, row.sequencename), filled_by(row)
    end = WIDTHS[row.column_type or "bigint"]
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=end,
        message=(
            f"{fed}, which the sequence {name} fills, is {row.column_type}: inserts will fail at"
            f" {end:,}, where the sequence goes on."
        ),
        facts=facts(row, end),
        cure=cure_of_column(row, name),
        check=check(row),
        object=name,
        database=row.datname,
    )


def cure_of_column(row: Sequence, name: str) -> tuple[str, ...]:
    """A sequence that feeds several columns must not end before the widest of them is full."""
    statement = f"ALTER SEQUENCE {name} AS {row.column_type};"
    if row.columns > 1:
        return (
            remark("Where the table is small, make the column bigint."),
            remark(
                f"The sequence fills {row.columns} columns: only if none of them is bigint, let"
            ),
            remark(f"it end where this column does: {statement}"),
        )
    return (
        remark(
            "Where the table is small, make the column bigint. Else let the sequence end where"
            " the column does, so that both say the same:"
        ),
        *plain_ddl(statement),
    )


def facts(row: Sequence, end: float) -> dict[str, str | float | None]:
    return {
        "column": filled_by(row),
        "column_type": row.column_type,
        "end": end,
        "last_value": row.last_value,
        "used_ratio": row.used_ratio,
    }


def check(row: Sequence) -> str:
    return (
        "SELECT seqtypid::pg_catalog.regtype, seqmax FROM pg_catalog.pg_sequence WHERE seqrelid"
        f" OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.sequencename)};"
    )


def evidence(row: Sequence) -> Evidence:
    name, fed = identifier(row.schemaname, row.sequencename), filled_by(row)
    end = WIDTHS[row.column_type or "bigint"]
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=row.max_value,
        message=(
            f"The sequence {name} ends at {row.max_value:,}, but {fed}, which it fills, is"
            f" {row.column_type}: inserts will fail although the column has room."
        ),
        facts=facts(row, row.max_value),
        cure=(
            remark("Only the catalogue is changed; sessions that insert wait for an instant:"),
            *plain_ddl(f"ALTER SEQUENCE {name} AS {row.column_type} MAXVALUE {end};"),
        ),
        check=check(row),
        object=name,
        database=row.datname,
    )


finding = Finding(
    title="Sequence of another size than its column",
    severities=(Severity.info, Severity.warning),
    reads=(sequences,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
