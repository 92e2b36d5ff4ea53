"""Signals: what in a plan makes a statement expensive, where what was measured agrees with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.cure import identifier
from alerts.snapshot import Snapshot
from alerts.statements.load import Ran
from alerts.units import bytes_text
from collectors._columns import where
from collectors.plans import Comparison, PlanNode, StatementPlan
from collectors.user_tables import UserTable, user_tables

PAGES = 1000
"""Pages of a table from which reading all of them takes milliseconds."""
FEW = 0.05
"""Share of the rows that a filter leaves at most, for an index to be worth it."""
ALL = 0.9
"""Share of the table's pages that an execution reads: the number is of the last vacuum."""
FAR = 100.0
"""Times as many rows as the planner expects, from which the estimate is wrong;"""
ROWS = 1000.0
"""and rows, below which a wrong estimate does no harm."""
SPILLED = 128.0
"""Blocks that an execution writes to temporary files: 1 MB."""
OUTER = 10_000.0
"""Rows of the outer side of a nested loop, for each of which the inner one is executed."""
READ = 1000.0
"""Blocks that an execution reads from outside shared buffers,"""
MOSTLY = 0.5
"""and their share of all that it needs."""
SPILLS = {"Sort", "Incremental Sort", "Hash", "Aggregate", "WindowAgg", "Materialize", "Memoize"}
CAPPED = {"Limit", "LockRows"}
Tables = Mapping[tuple[str, str], UserTable]
"""By schema and name."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason why a statement is expensive."""

    name: str
    sentence: str
    """A clause about the statement: `reads all of …`."""
    table: str | None
    """Quoted."""
    columns: tuple[str, ...] = ()
    advice: str = ""


def tables_of(snapshot: Snapshot, plans: Sequence[StatementPlan]) -> Mapping[str, Tables]:
    """Return the tables that these plans read, by database."""
    names = {node.relname for plan in plans for node in plan.nodes if node.relname}
    found: dict[str, dict[tuple[str, str], UserTable]] = {}
    for row in where(snapshot.rows(user_tables), "relname", names):
        found.setdefault(row.datname, {})[row.schemaname, row.relname] = row
    return found


def signals(plan: StatementPlan, ran: Ran, tables: Tables, block: int) -> Iterator[Signal]:
    """Yield what makes a statement expensive."""
    yield from _scans(plan, ran, tables, block)
    yield from _estimate(plan, ran)
    yield from _spill(plan, ran, block)
    yield from _loops(plan, ran)
    yield from _reads(plan, ran, tables, block)


def name_of(node: PlanNode) -> str | None:
    """Return the quoted name of its table."""
    if node.relname is None or node.schemaname is None:
        return None
    return identifier(node.schemaname, node.relname)


def table_of(node: PlanNode, tables: Tables) -> UserTable | None:
    return tables.get((node.schemaname or "", node.relname or ""))


def selective_scans(plan: StatementPlan, tables: Tables) -> Iterator[tuple[PlanNode, UserTable]]:
    """Yield the sequential scans of large tables whose filter leaves few rows."""
    for place, node in enumerate(plan.nodes):
        table = table_of(node, tables) if node.kind == "Seq Scan" else None
        if table is None or not (node.conditions or node.unread) or table.relpages < PAGES:
            continue
        if node.rows * workers(plan, place) <= FEW * max(table.reltuples, table.n_live_tup):
            yield node, table


def workers(plan: StatementPlan, place: int) -> int:
    """Return how many processes share the rows of a node."""
    depth = plan.nodes[place].depth
    for node in reversed(plan.nodes[:place]):
        if node.depth < depth:
            depth = node.depth
            if node.workers:
                return node.workers + 1
    return 1


def _scans(plan: StatementPlan, ran: Ran, tables: Tables, block: int) -> Iterator[Signal]:
    for node, table in selective_scans(plan, tables):
        if ran.use.each("blocks") >= ALL * table.relpages:
            columns = tuple(dict.fromkeys(one.column for one in node.conditions))
            shown = ", ".join(map(identifier, columns))
            by = f", by {shown}" if shown else ""
            yield Signal(
                "sequential scan",
                f"reads all of {name_of(node)} ({bytes_text(table.relpages * block)}) to keep"
                f" about {node.rows:,.0f} of {table.reltuples:,.0f} rows{by}",
                name_of(node),
                columns,
                f"An index on {name_of(node)} that begins with what is compared for equality"
                " would avoid that; query_index_advice proves one where HypoPG is installed.",
            )


def _estimate(plan: StatementPlan, ran: Ran) -> Iterator[Signal]:
    root, rows = plan.nodes[0], ran.use.each("rows")
    ranges = any(c.comparison is Comparison.range for node in plan.nodes for c in node.conditions)
    if root.kind in CAPPED or ranges or any(node.kind in CAPPED for node in plan.nodes):
        return  # the planner only guesses how much a value that it does not know leaves
    if rows >= ROWS and rows >= FAR * root.rows:
        node = max(
            (node for node in plan.nodes if node.conditions and node.relname),
            key=lambda node: len(node.conditions),
            default=None,
        )
        columns = tuple(dict.fromkeys(one.column for one in node.conditions)) if node else ()
        table = name_of(node) if node else None
        where = f" of {table} by {', '.join(map(identifier, columns))}" if table else ""
        yield Signal(
            "row estimate",
            f"returns {rows:,.0f} rows a call where the planner expects {root.rows:,.0f}{where}",
            table,
            columns,
            f"ANALYZE {table or 'its tables'}; where that does not help, its columns depend on"
            " each other (extended_statistics_candidate) or a few values are very frequent.",
        )


def _spill(plan: StatementPlan, ran: Ran, block: int) -> Iterator[Signal]:
    spilled = ran.use.each("temp_blocks_written")
    places = [place for place, node in enumerate(plan.nodes) if node.kind in SPILLS]
    if not spilled >= SPILLED or not places:
        return
    place = max(places, key=lambda at: plan.nodes[at].rows * plan.nodes[at].width)
    node = plan.nodes[place]
    below = next((one for one in _below(plan, place) if one.relname), None)
    of = f" of {name_of(below)}" if below else ""
    yield Signal(
        "spill",
        f"writes {bytes_text(spilled * block)} a call to temporary files, most likely in the"
        f" {node.kind}{of} ({node.rows:,.0f} rows of {node.width} bytes)",
        name_of(below) if below else None,
        below.ordered if below else (),
        "An index in the order of the sort, or more work_mem for this role alone, avoids it.",
    )


def _loops(plan: StatementPlan, ran: Ran) -> Iterator[Signal]:
    for place, node in enumerate(plan.nodes):
        children = [one for one in _below(plan, place) if one.depth == node.depth + 1]
        if node.kind != "Nested Loop" or len(children) != 2:
            continue
        outer = children[0].rows
        if outer >= OUTER and ran.use.each("blocks") >= outer:
            start = plan.nodes.index(children[1])
            inner = next((n for n in plan.nodes[start:] if n.relname), children[1])
            columns = tuple(dict.fromkeys(one.column for one in inner.conditions))
            yield Signal(
                "nested loop",
                f"looks into {name_of(inner) or 'the inner side of a nested loop'} once for each of"
                f" {outer:,.0f} rows",
                name_of(inner),
                columns,
                "A filter that leaves fewer outer rows, or fresh statistics of the outer table,"
                " so that a hash join is chosen.",
            )
            return


def _reads(plan: StatementPlan, ran: Ran, tables: Tables, block: int) -> Iterator[Signal]:
    read, needed = ran.use.each("shared_blocks_read"), ran.use.each("blocks")
    if not (read >= READ and read >= MOSTLY * needed):
        return
    seen = ((node, table_of(node, tables)) for node in plan.nodes if node.relname)
    known = [(table.relpages, node) for node, table in seen if table is not None]
    if known:
        _, node = max(known, key=lambda one: one[0])
        yield Signal(
            "blocks read",
            f"reads {bytes_text(read * block)} a call from outside shared buffers, most of it"
            f" likely of {name_of(node)} by {node.kind}",
            name_of(node),
            tuple(dict.fromkeys(one.column for one in node.conditions)),
            "Fewer blocks by an index, or by BRIN where rows lie in the order of the filter.",
        )


def _below(plan: StatementPlan, place: int) -> Iterator[PlanNode]:
    """Yield the nodes below one of them."""
    for node in plan.nodes[place + 1 :]:
        if node.depth <= plan.nodes[place].depth:
            return
        yield node
