"""Candidates: indexes that might serve a statement, from what its plan compares and sorts by.

Columns that are compared for equality come first, the one with the most values at the front, then
one range or the order of the result; three at most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import expm1, prod

from alerts.bloat.posting import bytes_per_row
from alerts.cure import identifier
from collectors.plans import Comparison, PlanNode, StatementPlan

PAGES = 1000
"""Pages of a table below which an index is not worth its upkeep."""
WIDEST = 3
"""Columns of an index."""
INCLUDED = 2
"""Columns that it may store beside them,"""
NARROW = 32
"""and their bytes together."""
TRIED = 6
"""Candidates of one node."""
BY_INDEX = frozenset({"Index Scan", "Index Only Scan", "Bitmap Heap Scan"})
ENTRY_HEADER = 8
FILL = 0.89
"""Share of a page that entries fill, the pages above the leaves included."""
FIRST_PAGES = 2 * 8192
"""Bytes of its first pages, however small it is."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """Statistics of a column, from the last ANALYZE."""

    distinct: float
    """Values; negative: a share of the rows."""
    null_share: float
    width: float
    is_indexable: bool = True
    """Whether its type has an order."""
    deduplicates: bool = True
    """Whether equal values of its type are the same bytes, so that an index stores them once."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table, its columns and its indexes."""

    pages: float
    rows: float
    columns: Mapping[str, ColumnFacts]
    indexes: tuple["ExistingIndex", ...] = ()

    def values(self, column: str) -> float:
        """Return how many values a column has."""
        distinct = self.columns[column].distinct
        return distinct if distinct >= 0 else -distinct * self.rows


@dataclass(frozen=True, slots=True)
class ExistingIndex:
    """An index of all rows by plain columns."""

    name: str
    columns: tuple[str, ...]
    is_constraint: bool
    """Whether it is unique or belongs to a constraint, so that no other one replaces it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that may help."""

    schemaname: str
    relname: str
    columns: tuple[str, ...]
    included: tuple[str, ...] = ()
    null_column: str | None = None

    @property
    def definition(self) -> str:
        """CREATE INDEX without a name, as HypoPG takes it."""
        return f"CREATE INDEX ON {identifier(self.schemaname, self.relname)} {self.rest}"

    @property
    def rest(self) -> str:
        """What follows the table."""
        return rest(self.columns, self.included, self.null_column)

    @property
    def width(self) -> tuple[int, int]:
        return len(self.columns), len(self.included)


def rest(columns: Sequence[str], included: Sequence[str], null_column: str | None) -> str:
    """Return what CREATE INDEX says after the table."""
    text = f"USING btree ({', '.join(map(identifier, columns))})"
    if included:
        text += f" INCLUDE ({', '.join(map(identifier, included))})"
    if null_column:
        text += f" WHERE {identifier(null_column)} IS NULL"
    return text


def places(plan: StatementPlan) -> Iterator[PlanNode]:
    """Yield the nodes that read rows of a table which they may not need."""
    for node in plan.nodes:
        reads_all = node.kind == "Seq Scan" and bool(node.conditions or node.joined)
        if node.relname and (reads_all or (node.kind in BY_INDEX and node.filtered)):
            yield node


def candidates(node: PlanNode, facts: TableFacts) -> list[Candidate]:
    """Return the indexes to try for a node, the narrowest first."""
    known = dict.fromkeys(islice(_of(node, facts), 2 * TRIED))
    wanted = [one for one in known if not _exists(one, facts)]
    return sorted(wanted, key=lambda one: one.width)[:TRIED]


def _of(node: PlanNode, facts: TableFacts) -> Iterator[Candidate]:
    equal = _columns(node, facts, Comparison.equal, Comparison.listed)
    equal.sort(key=facts.values, reverse=True)
    ranges = [one for one in _columns(node, facts, Comparison.range) if one not in equal]
    order = [one for one in node.ordered if one not in equal and _is_usable(one, facts)]
    joined = [
        one.column
        for one in node.joined
        if one.comparison is Comparison.equal and _is_usable(one.column, facts)
    ]
    nulls = _columns(node, facts, Comparison.null)
    keys = [
        equal[:1],
        equal[:WIDEST],
        equal[: WIDEST - 1] + ranges[:1],
        equal[: WIDEST - 1] + order[:1],
        joined[:1],
        (joined[:1] + [one for one in equal if one not in joined])[:WIDEST],
    ]
    schema, table = node.schemaname or "", node.relname or ""
    for columns in (tuple(dict.fromkeys(key)) for key in keys if key):
        plain = Candidate(schema, table, columns)
        yield plain
        if nulls and nulls[0] not in columns:
            yield replace(plain, null_column=nulls[0])
        if included := _included(node, facts, columns):
            yield replace(plain, included=included)


def _columns(node: PlanNode, facts: TableFacts, *comparisons: Comparison) -> list[str]:
    named = (one.column for one in node.conditions if one.comparison in comparisons)
    return [one for one in dict.fromkeys(named) if _is_usable(one, facts)]


def _is_usable(column: str, facts: TableFacts) -> bool:
    return column in facts.columns and facts.columns[column].is_indexable


def _included(node: PlanNode, facts: TableFacts, columns: Sequence[str]) -> tuple[str, ...]:
    """Return what must be stored so that the table need not be read; empty if it is too much."""
    if node.output is None:
        return ()
    needed = dict.fromkeys((*node.output, *(one.column for one in node.conditions)))
    more = tuple(one for one in needed if one not in columns)
    known = [facts.columns[one].width for one in more if one in facts.columns]
    is_narrow = len(known) == len(more) <= INCLUDED and sum(known) <= NARROW
    return more if is_narrow else ()


def _exists(one: Candidate, facts: TableFacts) -> bool:
    """Whether an index begins with these columns already."""
    return not one.included and any(
        index.columns[: len(one.columns)] == one.columns for index in facts.indexes
    )


def widened(one: Candidate, facts: TableFacts) -> str | None:
    """Return the index that a candidate makes superfluous, as it begins with its columns."""
    if one.null_column:
        return None
    for index in facts.indexes:
        length = len(index.columns)
        is_prefix = one.columns[:length] == index.columns
        is_wider = length < len(one.columns) or bool(one.included)
        if is_prefix and is_wider and not index.is_constraint:
            return index.name
    return None


def size_of(one: Candidate, facts: TableFacts) -> float:
    """Return the bytes of an index when it is new: rows with an equal key share an entry."""
    share = facts.columns[one.null_column].null_share if one.null_column else 1.0
    rows = max(1.0, facts.rows * share)
    width = sum(facts.columns[column].width for column in (*one.columns, *one.included))
    entry = ENTRY_HEADER + _aligned(width)
    return rows * bytes_per_row(entry, _equal_rows(one, facts, rows)) / FILL + FIRST_PAGES


def _equal_rows(one: Candidate, facts: TableFacts, rows: float) -> float:
    """Return the mean number of rows that share an entry; 1 where each has its own."""
    if one.included or not all(facts.columns[column].deduplicates for column in one.columns):
        return 1.0
    values = [max(1.0, facts.values(column)) for column in one.columns]
    product = prod(values)
    # As many combinations as are met by chance, if the columns do not depend on each other.
    return max(1.0, rows / min(rows, max(-product * expm1(-rows / product), *values)))


def _aligned(width: float) -> int:
    return int(8 * -(-width // 8))
