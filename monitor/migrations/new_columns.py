"""New columns by their types: a domain may give old rows a value, or take no NULL."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from alerts.cure import identifier
from alerts.migrations.new_column import has_no_value
from alerts.migrations.statement import Statement, Tree

if TYPE_CHECKING:
    Clone = asyncpg.Connection[asyncpg.Record]

TYPES = """
    select name, t.typdefault is not null as fills, t.typtype = 'd' as is_domain
    from pg_catalog.unnest($1::text[]) name
    join pg_catalog.pg_type t on t.oid = pg_catalog.to_regtype(name)
"""
REFUSALS = ("22", "23", "P0")
"""Classes of errors by which a constraint refuses a value, or a function in it."""


@dataclass(frozen=True, slots=True)
class NewColumns:
    """New columns of a statement that have no default of their own."""

    filled: tuple[str, ...] = ()
    """Those to which the default of their type gives a value."""
    refused: tuple[str, ...] = ()
    """Others, whose type takes no NULL."""


async def new_columns(clone: "Clone", statement: Statement) -> NewColumns:
    """Read what the types of new columns do, within the transaction of the statement."""
    types = {
        str(action.definition.get("colname")): type_name(action.definition)
        for action in statement.actions
        if has_no_value(action)
    }
    if not any(types.values()):
        return NewColumns()
    rows = await clone.fetch(TYPES, [name for name in types.values() if name])
    having = {row["name"] for row in rows if row["fills"]}
    domains = {row["name"] for row in rows if row["is_domain"]} - having
    refusing = {name for name in domains if not await _takes_null(clone, name)}
    return NewColumns(_of(types, having), _of(types, refusing))


def _of(types: Mapping[str, str], names: Collection[str]) -> tuple[str, ...]:
    return tuple(column for column, name in types.items() if name in names)


async def _takes_null(clone: "Clone", domain: str) -> bool:
    """Ask the domain itself: its NOT NULL, its CHECKs, and those of the domains below it."""
    await clone.execute("SAVEPOINT pgvigil_null")
    try:
        await clone.execute(f"SELECT CAST(NULL AS {domain})")
    except asyncpg.PostgresError as wrong:
        if (wrong.sqlstate or "")[:2] not in REFUSALS:
            raise
        return False
    finally:
        await clone.execute("ROLLBACK TO SAVEPOINT pgvigil_null; RELEASE SAVEPOINT pgvigil_null")
    return True


def type_name(column: Tree) -> str:
    """Return the name of a new column's type, as it is written; arrays have no default."""
    written = column.get("typeName", {})
    names = [part["String"]["sval"] for part in written.get("names", ()) if "String" in part]
    return "" if written.get("arrayBounds") else identifier(*names)
