"""Columns such as tag1, tag2, tag3: one fact in several columns, which no query can ask at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.repeated_columns import RepeatedColumns, repeated_columns

NUMBERED = re.compile(
    r"(^|_)(addr|address|line|street|q|quarter|week|day|month|year|hour|level|lvl|md|sha|utf|base|"
    r"ipv|p|pct|h|d|w|m|x|y|z|v|f|c|col|column|field|feature|dim|weight|coef)$",
    re.IGNORECASE,
)
"""Names whose numbers mean something: lines of an address, quarters, coordinates, features."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    max_columns: int = 20
    """More columns of one name are a vector or the columns of a file, and are not reported."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(repeated_columns):
        if is_group(row) and len(row.attnames) <= limits.max_columns:
            yield evidence(row)


def is_group(row: RepeatedColumns) -> bool:
    """Whether it is a list of which some places may be empty."""
    return row.is_nullable and not NUMBERED.search(row.stem)


def evidence(row: RepeatedColumns) -> Evidence:
    table = identifier(row.schemaname, row.relname)
    names = ", ".join(map(identifier, row.attnames))
    return Evidence(
        subject=f"{table} ({identifier(row.attnames[0])} …)",
        severity=Severity.info,
        value=len(row.attnames),
        message=(
            f"{table} has {len(row.attnames)} columns for one fact ({names}): each query must name"
            " all of them, each needs its own index, and one more value needs a migration."
        ),
        facts={"columns": names, "type": row.type, "rows": row.rows},
        cure=(
            remark("1. Make a table with the key of this one, a position and the value; 2. write"),
            remark("to both; 3. copy the old values in batches, each with a commit; 4. read from"),
            remark("the new table; 5. drop the columns in a later release. A list that is only"),
            remark("read and written as a whole may be an array."),
        ),
        check=(
            "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=)"
            f" {regclass(row.schemaname, row.relname)};"
        ),
        object=table,
        database=row.datname,
    )


finding = Finding(
    title="Columns that repeat",
    severities=(Severity.info,),
    reads=(repeated_columns,),
    limits=Limits(),
    judge=judge,
    unit="columns",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
