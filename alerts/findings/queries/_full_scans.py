"""Statements that read a large table from end to end each time, for few of its rows.

Three things must agree: the statement filters the table, which it mostly names alone, it reads as
many blocks as the table has, and the table was read sequentially as often as the statement was
executed. Where its plan is known, that must read the table sequentially too: other statements may
do so as often.

A table that has grown within the hour does not have what the mean execution has read, so the last
minutes are enough.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from alerts.findings.indexes._table_scans import TableScans
from alerts.findings.queries._plans import known_plans
from alerts.snapshot import Snapshot
from alerts.statements.conditions import Wrapped
from alerts.statements.load import Load, Ran
from alerts.statements.shape import StatementShape, TableName
from collectors._columns import where
from collectors.index_layout import index_layout
from collectors.plans import StatementPlan
from collectors.user_tables import UserTable, user_tables

SCANS = TableScans(timedelta(hours=1))
RECENT = timedelta(minutes=10)
LOOKED_AT = 50
"""Statements, those with the most time."""
ALL = 0.9
"""Share of its pages that an execution reads: the number is of the last vacuum or analyze."""
FEW = 0.05
"""Share of the rows that an execution returns at most; for more of them no index would help."""
AGREE = 0.75
"""Sequential scans of the table for each execution, at least: they are counted at other times."""

SAME = {
    **dict.fromkeys(("varchar", "character"), "text"),
    **dict.fromkeys(("int", "integer"), "int4"),
    **dict.fromkeys(("double", "float"), "float8"),
    **dict.fromkeys(("decimal", "dec"), "numeric"),
    "real": "float4",
    "bigint": "int8",
    "smallint": "int2",
    "boolean": "bool",
}
"""Types that are the same for an index, and other names of types."""


@dataclass(frozen=True, slots=True)
class FullScan:
    """A statement, and the table that it reads each time."""

    ran: Ran
    shape: StatementShape
    table: UserTable
    scans: int
    """Of the table within the same time, by whatever statement."""
    wrapped: Wrapped | None
    """A column of the table that the statement compares inside of a function or cast."""

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns of the table that are compared by `=`; none where they may be of another."""
        return self.shape.equal if self.shape.is_alone else ()

    @property
    def blocks(self) -> float:
        return self.ran.use.each("blocks")

    @property
    def rows(self) -> float:
        return self.ran.use.each("rows")

    @property
    def pages(self) -> float:
        """Of the table, which may have grown since the last vacuum or analyze."""
        table = self.table
        known = table.reltuples > 0
        return table.relpages * max(1.0, table.n_live_tup / table.reltuples if known else 1.0)


def full_scans(snapshot: Snapshot, load: Load, calls: int, pages: int) -> Iterator[FullScan]:
    """Yield the statements that were executed that often, and read such a table each time.

    Those with joins only where they name the table of a column inside of a function.
    """
    asked = list(_candidates(load, calls))
    tables = tables_of(snapshot, [one.name for one in asked])
    scanned = snapshot.of(SCANS)
    moved, planned = set(scanned.moved()), known_plans(snapshot, load)
    for ran, shape, name in asked:
        table = the_table(tables, ran.database, name)
        if table is None or (table.datname, table.relid) not in moved:
            continue
        if not _may_scan(planned.get(ran.key), table):
            continue
        wrapped = _wrapped(snapshot, shape, name, table)
        if wrapped is None and len(shape.tables) > 1:
            continue
        for span, done in ((SCANS.span, ran), (RECENT, _lately(snapshot, load, ran, calls))):
            scans = scanned.within((table.datname, table.relid), span).scans
            if done and _reads_all(found := FullScan(done, shape, table, scans, wrapped), pages):
                yield found
                break


def _wrapped(
    snapshot: Snapshot, shape: StatementShape, name: TableName, table: UserTable
) -> Wrapped | None:
    """Return the first such column of a table, which the statement names so.

    A cast to the type of the column is none.
    """
    types = _types(snapshot, table) if any(one.is_cast for one in shape.wrapped) else {}
    for one in shape.wrapped:
        if _is_of(one, shape, name) and not (one.is_cast and _is_kept(one, types.get(one.column))):
            return one
    return None


def _is_of(column: Wrapped, shape: StatementShape, name: TableName) -> bool:
    """Whether a column is certainly of that table of the statement."""
    if column.qualifier is None:
        return shape.is_alone
    return shape.table_of(column.qualifier) == name


def _types(snapshot: Snapshot, table: UserTable) -> dict[str, str]:
    """Return the types of the columns that indexes of a table have, by their names."""
    rows = snapshot.rows(index_layout) if snapshot.has(index_layout) else ()
    return {
        column: kind
        for row in where(rows, "relid", {table.relid})
        if row.datname == table.datname
        for column, kind, *_ in json.loads(row.columns or "[]")
        if column is not None
    }


def _is_kept(cast: Wrapped, known: str | None) -> bool:
    """Whether a cast changes nothing; where the type is not known, any but one to a date may."""
    wanted = SAME.get(cast.function, cast.function)
    return wanted != "date" if known is None else wanted == SAME.get(known, known)


def _lately(snapshot: Snapshot, load: Load, ran: Ran, calls: int) -> Ran | None:
    """Return what it did within the last minutes; None where it was not executed that often."""
    uses = load.seen.over(RECENT)
    if uses is None or ran.key not in uses or uses[ran.key].calls < calls:
        return None
    return Load.seen_in(snapshot, uses).ran(ran.key, uses[ran.key])


class _Candidate(NamedTuple):
    ran: Ran
    shape: StatementShape
    name: TableName
    """Of a table that it may read as a whole."""


def _candidates(load: Load, calls: int) -> Iterator[_Candidate]:
    for ran in load.top("seconds", LOOKED_AT):
        shape = load.texts.shape(ran.key[2])
        if not shape or not shape.is_filtered or ran.use.calls < calls:
            continue
        if len(shape.tables) == 1:
            yield _Candidate(ran, shape, shape.tables[0])
            continue
        places = (shape.table_of(one.qualifier) for one in shape.wrapped if one.qualifier)
        for name in dict.fromkeys(place for place in places if place is not None):
            yield _Candidate(ran, shape, name)


def tables_of(
    snapshot: Snapshot, names: Sequence[TableName]
) -> Mapping[object, Sequence[UserTable]]:
    """Return the tables with these names, by database and name."""
    found = defaultdict[object, list[UserTable]](list)
    for row in where(snapshot.rows(user_tables), "relname", {one.name for one in names}):
        found[row.datname, row.relname].append(row)
    return found


def the_table(
    tables: Mapping[object, Sequence[UserTable]], database: str | None, wanted: TableName
) -> UserTable | None:
    """Return the table that a statement names; None where its name may stand for several."""
    schema, name = wanted
    rows = [
        row
        for row in tables.get((database, name), ())
        if row.relkind in ("r", "m") and schema in (None, row.schemaname)
    ]
    return rows[0] if len(rows) == 1 else None


def _reads_all(scan: FullScan, pages: int) -> bool:
    table = scan.table
    return (
        scan.pages >= pages
        and scan.blocks >= ALL * scan.pages
        and scan.rows <= FEW * max(table.reltuples, table.n_live_tup)
        and scan.scans >= AGREE * scan.ran.use.calls
    )


def _may_scan(plan: StatementPlan | None, table: UserTable) -> bool:
    """Whether its plan reads the table sequentially, as far as it is known."""
    if plan is None or not plan.nodes:
        return True
    return any(node.kind == "Seq Scan" and node.relname == table.relname for node in plan.nodes)
