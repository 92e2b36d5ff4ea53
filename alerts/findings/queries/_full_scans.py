"""Statements that read a large table from end to end each time, for few of its rows.

Three things must agree: the statement names one table alone and filters it, it reads as many blocks
as the table has, and the table was read sequentially as often as the statement was executed. Where
its plan is known, that must read the table sequentially too: other statements may do so as often.

A table that has grown within the hour does not have what the mean execution has read, so the last
minutes are enough.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts.findings.indexes._table_scans import TableScans
from alerts.findings.queries._plans import known_plans
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.statements.shape import StatementShape
from collectors._columns import where
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


@dataclass(frozen=True, slots=True)
class FullScan:
    """A statement, and the table that it reads each time."""

    ran: Ran
    shape: StatementShape
    table: UserTable
    scans: int
    """Of the table within the same time, by whatever statement."""

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
    """Yield the statements that were executed that often, and read such a table each time."""
    asked = list(_candidates(load, calls))
    tables = tables_of(snapshot, [shape for _, shape in asked])
    scanned = snapshot.of(SCANS)
    moved, planned = set(scanned.moved()), known_plans(snapshot, load)
    for ran, shape in asked:
        table = the_table(tables, ran.database, shape)
        if table is None or (table.datname, table.relid) not in moved:
            continue
        if not _may_scan(planned.get(ran.key), table):
            continue
        for span, done in ((SCANS.span, ran), (RECENT, _lately(snapshot, load, ran, calls))):
            scans = scanned.within((table.datname, table.relid), span).scans
            if done and _reads_all(found := FullScan(done, shape, table, scans), pages):
                yield found
                break


def _lately(snapshot: Snapshot, load: Load, ran: Ran, calls: int) -> Ran | None:
    """Return what it did within the last minutes; None where it was not executed that often."""
    uses = load.seen.over(RECENT)
    if uses is None or ran.key not in uses or uses[ran.key].calls < calls:
        return None
    return Load.seen_in(snapshot, uses).ran(ran.key, uses[ran.key])


def _candidates(load: Load, calls: int) -> Iterator[tuple[Ran, StatementShape]]:
    for ran in load.top("seconds", LOOKED_AT):
        shape = load.texts.shape(ran.key[2])
        if shape and len(shape.tables) == 1 and shape.is_filtered and ran.use.calls >= calls:
            yield ran, shape


def tables_of(
    snapshot: Snapshot, shapes: Sequence[StatementShape]
) -> Mapping[object, Sequence[UserTable]]:
    """Return the tables with the names of the first tables of these, by database and name."""
    names = {shape.tables[0].name for shape in shapes}
    found = defaultdict[object, list[UserTable]](list)
    for row in where(snapshot.rows(user_tables), "relname", names):
        found[row.datname, row.relname].append(row)
    return found


def the_table(
    tables: Mapping[object, Sequence[UserTable]], database: str | None, shape: StatementShape
) -> UserTable | None:
    """Return the first table of a statement; None where its name may stand for several."""
    schema, name = shape.tables[0]
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
