"""Trace of a statement on an empty clone of the schema: what it locked, rewrote and read."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from alerts.migrations.lock_mode import LockMode
from alerts.migrations.statement import Statement


class Relation(NamedTuple):
    """Relation of the live server, by the name that it has there."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Held:
    """A lock on a table of the live server, or on one of its indexes."""

    table: Relation
    mode: LockMode
    index: str | None = None
    """Name of the index that is locked instead of the table."""
    kind: str = "r"
    """relkind of the table."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Failure of a statement on the clone."""

    sqlstate: str
    message: str


@dataclass(frozen=True, slots=True)
class Block:
    """A transaction of several statements: what one of them locks is held until its end."""

    number: int


@dataclass(frozen=True, slots=True)
class Traced:
    """Effects of one statement on the clone. Tables that the file itself makes are left out: no
    other session knows them."""

    statement: Statement
    locks: tuple[Held, ...] = ()
    """Locks that it took beyond those its transaction had already."""
    already: tuple[Relation, ...] = ()
    """Tables that it names, and whose locks its transaction had already."""
    rewritten: tuple[Relation, ...] = ()
    """Tables whose rows were written into a new file."""
    rebuilt: tuple[Relation, ...] = ()
    """Tables one of whose indexes was built, by their names; once for each index."""
    scanned: tuple[Relation, ...] = ()
    """Tables that were read from the beginning to the end."""
    emptied: tuple[Relation, ...] = ()
    failure: Failure | None = None
    unknown: str | None = None
    """Why the trace does not tell everything."""
    by_rows: bool = False
    """Whether it is unknown only because the clone has no rows."""
    block: Block | None = None
    lock_timeout: float = 0.0
    """Seconds in force when it began; 0 is none."""
    filled: tuple[str, ...] = ()
    """New columns to which the default of their type, a domain perhaps, gives a value."""
    refused: tuple[str, ...] = ()
    """New columns without a value whose type, a domain, takes no NULL."""
    created: bool = False
    """Whether all that it touches was made by the file itself."""

    @property
    def tables(self) -> tuple[Relation, ...]:
        """The tables that it has locked, and those of its transaction that it names."""
        return (*(held.table for held in self.locks), *self.already)

    def table_named(self, names: Collection[str]) -> Relation | None:
        return next((table for table in self.tables if table.name in names), None)
