"""Number of rows that an UPDATE, DELETE or MERGE writes at most, by the keys that it names.

A batch of a backfill names a range of keys, or takes the next ones by a LIMIT.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerts.migrations.live import LiveServer, LiveTable
from alerts.migrations.lock_mode import LockMode
from alerts.migrations.statement import Tree, parts
from alerts.migrations.traced import Traced

PAGE_OF = re.compile(r"\(\s*(\d+)\s*,\s*\d+\s*\)")
CTID = "ctid"
WRITERS = ("UpdateStmt", "DeleteStmt", "MergeStmt")
LOWER, UPPER = (">", ">="), ("<", "<=")
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Written:
    """Rows that one writing statement, or part of a statement, writes to its table."""

    table: LiveTable
    """With the rows of its partitions."""
    whole: bool
    """Whether it has no condition."""
    most: float | None
    """Rows that its keys allow; None is not known."""


def written(traced: Traced, live: LiveServer) -> Iterator[Written]:
    """Yield each table of the live server whose rows the statement updates or deletes."""
    found = [(node, part) for node in WRITERS for part in parts(traced.statement.tree, node)]
    for node, part in found:
        if (table := _target(part, traced, live, alone=len(found) == 1)) is None:
            continue
        condition = part.get("joinCondition" if node == "MergeStmt" else "whereClause")
        most = _Keys(part, table).most(condition) if condition else None
        yield Written(table, condition is None, most)


def _target(part: Tree, traced: Traced, live: LiveServer, alone: bool) -> LiveTable | None:
    """Return the table that is written, with the rows and pages of all its partitions."""
    name = part["relation"]["relname"]
    held = [h.table for h in traced.locks if h.index is None and h.mode >= LockMode.RowExclusive]
    if name not in [table.name for table in held]:
        held = [table for table in traced.already if table.name == name]
        held += [t for t in traced.scanned if t not in held and not _others(part)]
    elif not alone:
        held = [table for table in held if table.name == name]
    tables = [live.tables[table] for table in held if table in live.tables]
    first = next((t for t in tables if t.relation.name == name), None)
    if first is None or len(tables) == 1:
        return first
    rows = [table.rows for table in tables]
    sizes = [table.bytes for table in tables]
    return LiveTable(
        first.relation,
        bytes=None if None in sizes else sum(size or 0 for size in sizes),
        rows=None if None in rows else sum(number or 0.0 for number in rows),
        repeated=first.repeated,
        keys=first.keys,
        partitions=len(tables) - 1,
    )


@dataclass(frozen=True, slots=True)
class _Keys:
    """The condition of one writing statement."""

    part: Tree
    table: LiveTable

    def most(self, condition: Tree) -> float | None:
        """Return the rows that meet the condition at most."""
        if both := condition.get("BoolExpr"):
            return self._of_several(both)
        if link := condition.get("SubLink"):
            return self._of_link(link)
        return self._of_comparison(condition.get("A_Expr", {}))

    def _of_several(self, both: Tree) -> float | None:
        if both["boolop"] == "NOT_EXPR":
            return None
        each = [self.most(part) for part in both["args"]]
        known = [number for number in each if number is not None]
        if both["boolop"] == "OR_EXPR":
            return sum(known) if len(known) == len(each) else None
        return min((*known, *self._ranges(both["args"])), default=None)

    def _ranges(self, together: list[Tree]) -> Iterator[float]:
        """Yield the lengths of ranges that a lower and an upper end make: id > 0 AND id <= 9."""
        ends: dict[str, list[tuple[str, float]]] = {}
        for compared in together:
            if (end := self._end(compared.get("A_Expr", {}))) is not None:
                ends.setdefault(end[0], []).append(end[1:])
        for column, found in ends.items():
            low = [value + (sign == ">") for sign, value in found if sign in LOWER]
            high = [value - (sign == "<") for sign, value in found if sign in UPPER]
            if low and high:
                yield from self._length(column, max(low), min(high))

    def _end(self, compared: Tree) -> tuple[str, str, float] | None:
        """Return the column, the sign and the value of a comparison with a constant."""
        if compared.get("kind") != "AEXPR_OP":
            return None
        sign, left, right = _sign(compared), compared.get("lexpr", {}), compared.get("rexpr", {})
        column = self._column(left)
        if column is None:
            column, right, sign = self._column(right), left, TURNED.get(sign, "")
        value = _number(right, column == CTID)
        if column is None or value is None or sign not in TURNED:
            return None
        return column, sign, value

    def _length(self, column: str, low: float, high: float) -> Iterator[float]:
        """Yield the rows between two whole numbers; of ctid, those of the pages."""
        if self.table.keys.get(column):
            yield max(0.0, high - low + 1)
        elif column == CTID and not self.table.partitions and self.table.pages:
            yield max(0.0, high - low + 2) * (self.table.rows or 0.0) / self.table.pages

    def _of_link(self, link: Tree) -> float | None:
        """Return the rows of `id IN (SELECT id ... LIMIT 1000)`."""
        if link.get("subLinkType") != "ANY_SUBLINK" or not self._is_single(link.get("testexpr")):
            return None
        return _limit(link["subselect"])

    def _of_comparison(self, compared: Tree) -> float | None:
        left, right = compared.get("lexpr", {}), compared.get("rexpr", {})
        kind = compared.get("kind")
        if kind == "AEXPR_BETWEEN":
            column = self._column(left)
            ends = [_number(one, column == CTID) for one in right["List"]["items"]]
            if column is None or None in ends:
                return None
            return next(self._length(column, *ends), None)  # type: ignore[arg-type]
        if not compared or _sign(compared) != "=":
            return None
        if kind == "AEXPR_IN" and self._is_single(left):
            return float(len(right["List"]["items"]))
        if kind == "AEXPR_OP_ANY" and self._is_single(left):
            return _elements(right)
        return self._of_equal(left, right) if kind == "AEXPR_OP" else None

    def _of_equal(self, left: Tree, right: Tree) -> float | None:
        for one, other in ((left, right), (right, left)):
            if not self._is_single(one):
                continue
            if "ColumnRef" in other:
                return self._of_joined(other)
            return 1.0
        return None

    def _of_joined(self, other: Tree) -> float | None:
        """Return the rows of what is joined by a key, where it has a LIMIT."""
        fields = _fields(other)
        return self._limited().get(fields[-2]) if len(fields) > 1 else None

    def _limited(self) -> dict[str, float]:
        """Return the queries in WITH and FROM that have a LIMIT, by their names."""
        found: dict[str, float] = {}
        for one in self.part.get("withClause", {}).get("ctes", ()):
            cte = one["CommonTableExpr"]
            if (most := _limit(cte["ctequery"])) is not None:
                found[cte["ctename"]] = most
        for one in _others(self.part):
            if "RangeSubselect" in one and "alias" in one["RangeSubselect"]:
                if (most := _limit(one["RangeSubselect"]["subquery"])) is not None:
                    found[one["RangeSubselect"]["alias"]["aliasname"]] = most
            elif "RangeVar" in one and "alias" in one["RangeVar"]:
                name = one["RangeVar"]["relname"]
                if name in found:
                    found[one["RangeVar"]["alias"]["aliasname"]] = found[name]
        return found

    def _column(self, side: Tree | None) -> str | None:
        """Return the name of a column of the table that is written."""
        fields = _fields(side or {})
        if not fields:
            return None
        relation = self.part["relation"]
        own = relation.get("alias", {}).get("aliasname", relation["relname"])
        mine = fields[-2] == own if len(fields) > 1 else not _others(self.part)
        return fields[-1] if mine else None

    def _is_single(self, side: Tree | None) -> bool:
        """Whether a value of this column is that of one row."""
        column = self._column(side)
        if column == CTID:
            return not self.table.partitions
        return column is not None and (
            column in self.table.keys or self.table.repeated.get(column) is False
        )


def _others(part: Tree) -> list[Tree]:
    """Return the other relations that a writing statement joins."""
    source = part.get("sourceRelation")
    joined = [*part.get("fromClause", ()), *part.get("usingClause", ())]
    return [*joined, source] if source else joined


def _fields(side: Tree) -> list[str]:
    found = side.get("ColumnRef", {}).get("fields", ())
    return [one.get("String", {}).get("sval", "") for one in found]


def _sign(compared: Tree) -> str:
    return str(compared["name"][-1]["String"]["sval"])


def _constant(side: Any) -> Mapping[str, Any] | None:
    while isinstance(side, Mapping) and "TypeCast" in side:
        side = side["TypeCast"]["arg"]
    found = side.get("A_Const") if isinstance(side, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _number(side: Tree, is_place: bool = False) -> float | None:
    """Return a whole number, or the page of a place in the table; None for anything else."""
    constant = _constant(side)
    if constant is None:
        return None
    text = str(constant.get("sval", {}).get("sval", ""))
    if is_place:
        place = PAGE_OF.fullmatch(text.strip())
        return float(place[1]) if place else None
    if "ival" in constant:
        return float(constant["ival"].get("ival", 0))
    large = str(constant.get("fval", {}).get("fval", "")) or text
    return float(large) if re.fullmatch(r"-?\d+", large) else None


def _limit(query: Tree) -> float | None:
    body = query.get("SelectStmt", {})
    if body.get("limitOption") != "LIMIT_OPTION_COUNT":
        return None
    return _number(body.get("limitCount", {}))


def _elements(right: Tree) -> float | None:
    """Return the number of elements of an array: written out, as text, or of a query."""
    if "A_ArrayExpr" in right:
        return float(len(right["A_ArrayExpr"].get("elements", ())))
    if right.get("SubLink", {}).get("subLinkType") == "ARRAY_SUBLINK":
        return _limit(right["SubLink"]["subselect"])
    constant = _constant(right)
    text = str(constant.get("sval", {}).get("sval", "")) if constant else ""
    return float(text.count(",") + 1) if text.startswith("{") else None
