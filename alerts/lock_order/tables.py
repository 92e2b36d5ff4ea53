"""Which table an OID stands for: an index for the table it belongs to, a partition for its root."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from alerts.cure import identifier
from collectors._base import Answer, Collector
from collectors._columns import where
from collectors.user_indexes import user_indexes
from collectors.user_tables import UserTable, user_tables

MOVED = 0.05
"""Share of its rows that may have been moved."""
Relation = tuple[str, int]
"""Database and OID, as pg_locks has them."""


class Table(NamedTuple):
    """What code locks in some order. A partition counts as the table that code names."""

    database: str
    name: str
    """Qualified, and quoted where it must be."""


class Known(NamedTuple):
    table: Table
    is_index: bool = False
    is_settled: bool = False
    """Its rows stay on the page where they were loaded: hardly one was moved by an update."""


@dataclass(slots=True)
class Tables:
    """The newest answers that have names in them; looked through only for what somebody asks."""

    sources: dict[Collector[Any], Answer[Any]] = field(default_factory=dict)
    known: dict[Relation, Known] = field(default_factory=dict)
    unknown: set[Relation] = field(default_factory=set)

    def take(self, collector: Collector[Any], answer: Answer[Any]) -> None:
        """New names; those that were known are looked up anew, for tables are renamed."""
        self.sources[collector] = answer
        self.known.clear()
        self.unknown.clear()

    def learn(self, relations: Iterable[Relation]) -> None:
        """Look these up, all at once: the answers are long."""
        wanted = {r for r in relations if r not in self.known and r not in self.unknown}
        if not wanted:
            return
        self.unknown |= wanted
        oids = {oid for _, oid in wanted}
        roots: dict[Relation, Table] = {}
        for attribute in ("indexrelid", "relid"):
            for row in where(self._rows(user_indexes), attribute, oids):
                schema, name = row.root_schemaname or row.schemaname, row.root_relname
                root = Table(row.datname, identifier(schema, name or row.relname))
                roots[row.datname, row.relid] = root
                self._know((row.datname, row.indexrelid), Known(root, is_index=True))
        for row in where(self._rows(user_tables), "relid", oids):
            relation = row.datname, row.relid
            own = Table(row.datname, identifier(row.schemaname, row.relname))
            self._know(relation, Known(roots.get(relation, own), is_settled=_is_settled(row)))

    def table(self, database: str | None, oid: int | None) -> Table | None:
        """None for what is no table, or has not been read about yet."""
        known = self.known.get((database or "", oid or 0))
        return known.table if known and not known.is_index else None

    def _know(self, relation: Relation, what: Known) -> None:
        self.known[relation] = what
        self.unknown.discard(relation)

    def _rows(self, collector: Collector[Any]) -> Sequence[Any]:
        return self.sources[collector].rows if collector in self.sources else ()


def _is_settled(table: UserTable) -> bool:
    moved = table.n_tup_upd - table.n_tup_hot_upd
    return table.relpages > 1 and moved <= MOVED * max(table.reltuples, 1.0)
