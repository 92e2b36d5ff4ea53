"""Columns whose type loses or confuses values, such as amounts as floats."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.questionable_columns import QuestionableColumn, questionable_columns

AMOUNTS = (
    "amount",
    "balance",
    "budget",
    "cost",
    "deposit",
    "discount",
    "fare",
    "fee",
    "net",
    "gross",
    "paid",
    "payment",
    "price",
    "refund",
    "rent",
    "revenue",
    "salary",
    "subtotal",
    "surcharge",
    "tax",
    "total",
    "turnover",
    "vat",
    "wage",
)
"""Words in the name of a column that holds money."""
SERIAL = "integer from a sequence"
FLOATS = ("real", "double precision")
CHANGES = {
    "timestamp": ("timestamp with time zone", "the same instant reads differently by time zone"),
    "time": ("timestamp with time zone, or time", "an offset without a date has no meaning"),
    "money": ("numeric with a column for the currency", "its meaning changes with lc_monetary"),
    "character(": ("text with a CHECK of its length", "values are padded with blanks"),
    "bpchar": ("text", "blanks at the end of a value are ignored where it is compared"),
    "real": ("numeric", "amounts are rounded: 0.1 + 0.2 is not 0.3"),
    SERIAL: ("bigint", "inserts fail after 2,147,483,647 values, those rolled back included"),
    "double": ("numeric", "amounts are rounded: 0.1 + 0.2 is not 0.3"),
}
"""By the beginning of the type, what to use instead and why."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    serial_rows: int = 1_000_000
    """Minimum number of rows for an integer that a sequence fills; smaller tables end far from
    its limit."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(questionable_columns):
        if is_told(row, limits):
            yield evidence(row)


def is_told(row: QuestionableColumn, limits: Limits) -> bool:
    if row.type in FLOATS:
        return holds_money(row.attname)
    return row.type != SERIAL or row.rows >= limits.serial_rows


def holds_money(name: str) -> bool:
    """Whether a word of the name says so; `total` in `total_weight` does not."""
    words = name.lower().split("_")
    return words[-1] in AMOUNTS or (words[0] in AMOUNTS and words[-1] in ("eur", "usd", "value"))


def evidence(row: QuestionableColumn) -> Evidence:
    table, column = identifier(row.schemaname, row.relname), identifier(row.attname)
    better, why = next(told for begin, told in CHANGES.items() if row.type.startswith(begin))
    return Evidence(
        subject=f"{table}.{column}",
        severity=Severity.info,
        value=1,
        message=f"{table}.{column} is {row.type}: {why}.",
        facts={"type": row.type, "better": better, "rows": row.rows},
        cure=(
            remark(f"Use {better}. A small table can be changed in place; in a large one add a"),
            remark("column, fill it in batches, and rename both in one short transaction."),
        ),
        check=(
            "SELECT attname, pg_catalog.format_type(atttypid, atttypmod)"
            " FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=)"
            f" {regclass(row.schemaname, row.relname)};"
        ),
        object=table,
        database=row.datname,
    )


finding = Finding(
    title="Type that confuses values",
    severities=(Severity.info,),
    reads=(questionable_columns,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
