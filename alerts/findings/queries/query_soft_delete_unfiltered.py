"""A statement also reads rows that are marked as deleted, which most others leave out."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import identifier, remark
from alerts.findings.queries._statement import HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.statements.reads import reads_of
from alerts.units import Duration, Share, duration_text, number_text, share_text
from collectors.soft_delete_columns import SoftDeleteColumn, soft_delete_columns
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts

LOOKED_AT = 200
"""Statements, those that are executed most."""
MOST = 3
"""Statements that are named of each table."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are counted, at most one hour."""
    min_calls: Annotated[int, FIXED] = 100
    """Executions of an unfiltered statement within the window."""
    filtered: Annotated[Share, Slack(0.95)] = 0.8
    """Share of the executions that leave deleted rows out: that is the custom. Executions of the
    statement itself, and of those that read by the key or at most one row, are not counted."""
    filtering: Annotated[int, FIXED] = 3
    """Different statements that do, by the key as well."""
    min_rows: Annotated[float, FIXED] = 2.0
    """Rows that an execution returns on average: one row by its key may be a deleted one."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A statement that reads a table, alone or with others."""

    ran: Ran
    filters: bool
    """Whether it names the column, other than among all columns."""
    is_by_key: bool
    """Whether it asks for rows by the key of the table: a deleted row may be meant."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    columns = the_columns(snapshot)
    groups = defaultdict[tuple[str, str], list[Reader]](list)
    for ran in load.top("calls", LOOKED_AT) if columns else ():
        for where, reader in readers(load, ran, columns):
            groups[where].append(reader)
    for where, found in groups.items():
        yield from of_table(load, columns[where], found, limits)


def readers(
    load: Load, ran: Ran, columns: Mapping[tuple[str, str], SoftDeleteColumn]
) -> Iterator[tuple[tuple[str, str], Reader]]:
    """Yield the tables with such a column that a statement reads, and how it does."""
    known = load.texts.known.get(ran.key[2])
    reads = reads_of(known.query) if known and not known.is_cut else None
    if reads is None:
        return
    for name in {reading.table.name for reading in reads.readings}:
        where = ran.database or "", name
        column = columns.get(where)
        if column and {r.table.schema for r in reads.of(name)} <= {None, column.schemaname}:
            filters = reads.regards(name, column.attname)
            yield where, Reader(ran, filters, reads.is_by_key(name))


def the_columns(snapshot: Snapshot) -> dict[tuple[str, str], SoftDeleteColumn]:
    """Return the columns by database and table, where a name stands for one of them."""
    found = defaultdict[tuple[str, str], list[SoftDeleteColumn]](list)
    for row in snapshot.rows(soft_delete_columns):
        found[row.datname, row.relname].append(row)
    return {where: rows[0] for where, rows in found.items() if len(rows) == 1}


def of_table(
    load: Load, column: SoftDeleteColumn, readers: list[Reader], limits: Limits
) -> Iterator[Outcome]:
    filtering = sum(reader.filters for reader in readers)
    of_lists = [one for one in readers if not one.is_by_key and returns_many(one.ran, limits)]
    filtered = sum(one.ran.use.calls for one in of_lists if one.filters)
    if filtering < limits.filtering or not filtered:
        return
    lists = [one.ran for one in of_lists if not one.filters]
    missing = sum(ran.use.calls for ran in lists)
    named = 0
    for ran in lists:
        calls = ran.use.calls
        others = filtered / (filtered + missing - calls)
        is_custom = others >= limits.filtered and filtered >= calls
        if calls >= limits.min_calls and is_custom and named < MOST:
            named += 1
            yield evidence(load, ran, column, others, filtering)


def returns_many(ran: Ran, limits: Limits) -> bool:
    return ran.use.each("rows") >= limits.min_rows


def evidence(load: Load, ran: Ran, column: SoftDeleteColumn, share: float, others: int) -> Evidence:
    table, name = identifier(column.schemaname, column.relname), identifier(column.attname)
    return told(
        load,
        ran,
        ran.use.calls,
        f"{ran.brief} does not filter by {name}, with which {others} other statements on {table}"
        f" ({share_text(share)} of the other executions that return several rows) leave deleted"
        f" rows out: it returned {number_text(ran.use.each('rows'))} rows each of"
        f" {ran.use.calls:,.0f} times within {duration_text(ran.seconds)}.",
        {
            "table": table,
            "column": name,
            "filtered_share": share,
            "rows_per_call": ran.use.each("rows"),
        },
        (
            remark("Ask its author whether deleted rows are meant. If not, add the condition that"),
            remark("the other statements have; an index without deleted rows then serves it too."),
            remark("A view of the live rows, which all read, keeps it from being forgotten."),
        ),
    )


finding = statement_review(
    "Deleted rows are read as well",
    Limits(),
    judge,
    reads=(stat_statements, statement_texts, soft_delete_columns),
    unit="calls",
)
