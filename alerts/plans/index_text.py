"""The statement that makes an index again, from catalogues alone."""

import json

from alerts.cure import identifier
from collectors.index_layout import IndexLayout

DIRECTIONS = {0: "", 1: " DESC NULLS LAST", 2: " NULLS FIRST", 3: " DESC"}


def create(index: IndexLayout) -> str | None:
    """Return the statement; None where the catalogues that are read don't tell it exactly."""
    keys = index.indkey.split()
    if index.indexprs or index.indpred or index.opclass_options or "0" in keys:
        return None
    columns, collations = json.loads(index.columns), index.indcollation.split()
    flags = [int(flag) for flag in index.indoption.split()]
    parts = []
    for place, (name, _, _, collation, is_default) in enumerate(columns[: index.indnkeyatts]):
        if not is_default or str(collation) != collations[place]:
            return None
        parts.append(identifier(name) + DIRECTIONS[flags[place]])
    included = ", ".join(identifier(column[0]) for column in columns[index.indnkeyatts :])
    table = identifier(index.schemaname, index.relname)
    return (
        f"CREATE {'UNIQUE ' if index.is_unique else ''}INDEX CONCURRENTLY"
        f" {identifier(index.indexrelname)} ON {table} USING {identifier(index.amname)}"
        f" ({', '.join(parts)})"
        + (f" INCLUDE ({included})" if included else "")
        + (" NULLS NOT DISTINCT" if index.nulls_not_distinct else "")
        + (f" WITH ({', '.join(index.reloptions)})" if index.reloptions else "")
        + ";"
    )
