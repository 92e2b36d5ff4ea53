"""Types whose default gives a new column a value in the rows that are there, as domains do."""

import asyncpg

from alerts.cure import identifier
from alerts.migrations.new_column import lacks_value
from alerts.migrations.statement import Statement, Tree

WITH_DEFAULT = """
    select name from pg_catalog.unnest($1::text[]) name
    join pg_catalog.pg_type t on t.oid = pg_catalog.to_regtype(name)
    where t.typdefault is not null
"""


async def filled_by_type(
    clone: "asyncpg.Connection[asyncpg.Record]", statement: Statement
) -> tuple[str, ...]:
    """Return the new columns of a statement that only their type gives a value."""
    types = {
        str(action.definition.get("colname")): type_name(action.definition)
        for action in statement.actions
        if lacks_value(action)
    }
    if not types:
        return ()
    rows = await clone.fetch(WITH_DEFAULT, [name for name in types.values() if name])
    having = {row["name"] for row in rows}
    return tuple(column for column, name in types.items() if name in having)


def type_name(column: Tree) -> str:
    """Return the name of a new column's type, as it is written; arrays have no default."""
    written = column.get("typeName", {})
    names = [part["String"]["sval"] for part in written.get("names", ()) if "String" in part]
    return "" if written.get("arrayBounds") else identifier(*names)
