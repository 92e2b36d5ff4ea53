"""Tables by OID: an index stands for its table, a partition for its root."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from alerts.cure import identifier
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import where
from collectors.sequences import sequences
from collectors.user_indexes import user_indexes
from collectors.user_tables import UserTable, user_tables

SCANNED = 8.5
"""The planner's cost of one row by an index, with default settings."""
TUPLE = 0.0125
"""And of one row in a scan."""
NAMELESS = 2000
"""More are forgotten, and looked for again."""
Relation = tuple[str, int]
"""Database and OID, as pg_locks has them."""


class Table(NamedTuple):
    """Table that code locks in some order. A partition counts as the table that code names."""

    database: str
    name: str
    """Qualified, and quoted where it must be."""


ADVISORY = "advisory locks"


def advisory(database: str | None) -> Table:
    """All advisory locks of a database: like a table, with a key for each row."""
    return Table(database or "", ADVISORY)


def is_advisory(table: Table) -> bool:
    return table.name == ADVISORY


class Known(NamedTuple):
    table: Table
    is_index: bool = False
    is_sequence: bool = False
    """Sequences of the table: a transaction that locks one has inserted."""
    is_bare: bool = False
    """A table without an index: there changes leave the same locks as an INSERT does."""
    grows: bool = False
    """Whether rows were inserted between the last two answers."""
    is_scanned: bool = False
    """Small enough for PostgreSQL to scan it rather than to use an index; and not seen to grow, so
    that a write there changes rows that exist."""
    has_triggers: bool = True
    """Without any, no foreign key references it: then only a SELECT locks its rows in share."""


@dataclass(slots=True)
class Tables:
    """The newest rows with names, searched only for requested OIDs."""

    sources: dict[AnyCollector, AnyAnswer] = field(default_factory=dict)
    known: dict[Relation, Known] = field(default_factory=dict)
    unknown: set[Relation] = field(default_factory=set)
    in_vain: set[Relation] = field(default_factory=set)
    """Looked for in an answer and not found: of the system, temporary, or gone."""
    before: AnyAnswer | None = None
    """The answer about tables before the newest."""
    oids: dict[Table, int] = field(default_factory=dict)
    """Of each table that was ever named here, until it is dropped."""

    def take(self, collector: AnyCollector, answer: AnyAnswer) -> set[Table]:
        """New names; those that were known are looked up anew, for tables are renamed.

        Returns the tables that exist no more.
        """
        if collector is user_tables:
            self.before = self.sources.get(user_tables)
        self.sources[collector] = answer
        if collector is user_tables:
            self.in_vain = (self.in_vain if len(self.in_vain) < NAMELESS else set()) | self.unknown
        self.known.clear()
        self.unknown.clear()
        return self._dropped(answer) if collector is user_tables else set()

    def nameless(self) -> set[str]:
        """Databases in which what is locked has come after the newest answer."""
        return {database for database, _ in self.unknown - self.in_vain}

    def learn(self, relations: Iterable[Relation]) -> None:
        """Look these up, all at once: the answers are long."""
        wanted = {r for r in relations if r not in self.known and r not in self.unknown}
        if not wanted:
            return
        self.unknown |= wanted
        oids = {oid for _, oid in wanted}
        indexes = {
            (row.datname, row.indexrelid): (row.datname, row.relid)
            for attribute in ("indexrelid", "relid")
            for row in where(self._rows(user_indexes), attribute, oids)
        }
        indexed = set(indexes.values())
        for row in where(self._rows(user_tables), "relid", oids | {oid for _, oid in indexed}):
            relation = row.datname, row.relid
            table = Table(row.datname, _name(row))
            self.oids[table] = row.root_relid or row.relid
            bare = row.relkind == "r" and user_indexes in self.sources and relation not in indexed
            grows = self._grows(row)
            scanned = (bare or _is_small(row)) and not grows
            self._know(
                relation,
                Known(
                    table,
                    is_bare=bare,
                    grows=grows,
                    is_scanned=scanned,
                    has_triggers=row.has_triggers,
                ),
            )
        for index, relation in indexes.items():
            if known := self.known.get(relation):
                self._know(index, Known(known.table, is_index=True))
        for row in where(self._rows(sequences), "relid", oids):
            if row.relname and row.table_schemaname:
                table = Table(row.datname, identifier(row.table_schemaname, row.relname))
                self._know((row.datname, row.relid), Known(table, is_sequence=True))

    def table(self, database: str | None, oid: int | None) -> Table | None:
        """None for what is no table, or has not been read about yet."""
        known = self.known.get((database or "", oid or 0))
        return known.table if known and not (known.is_index or known.is_sequence) else None

    def is_bare(self, table: Table) -> bool:
        known = self.known.get((table.database, self.oids.get(table, 0)))
        return known is not None and known.is_bare

    def _grows(self, table: UserTable) -> bool:
        """Whether rows were inserted between the last two answers."""
        if self.before is None:
            return False
        earlier = where(self.before.rows, "relid", {table.relid})
        return any(
            table.n_tup_ins > row.n_tup_ins for row in earlier if row.datname == table.datname
        )

    def _know(self, relation: Relation, what: Known) -> None:
        self.known[relation] = what
        self.unknown.discard(relation)

    def _rows(self, collector: AnyCollector) -> Sequence[Any]:
        return self.sources[collector].rows if collector in self.sources else ()

    def _dropped(self, answer: AnyAnswer) -> set[Table]:
        oids = set(self.oids.values())
        present = {(row.datname, row.relid) for row in where(answer.rows, "relid", oids)}
        gone = {
            table
            for table, oid in self.oids.items()
            if (table.database, oid) not in present and table.database not in answer.missing
        }
        for table in gone:
            del self.oids[table]
        return gone


def _name(table: UserTable) -> str:
    if table.root_relname and table.root_schemaname:
        return identifier(table.root_schemaname, table.root_relname)
    return identifier(table.schemaname, table.relname)


def _is_small(table: UserTable) -> bool:
    """As the planner sees it; it takes a table that was never analyzed for a larger one."""
    return table.relpages > 0 and table.relpages + TUPLE * table.reltuples <= SCANNED
