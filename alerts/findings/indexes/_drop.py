"""Statements that drop or rebuild an index, and keep what creates it again."""

from alerts.cure import concurrently, equals, identifier, regclass, remark


def place(database: str) -> str:
    """Say where the statements of a cure are run."""
    return remark(f"On the primary, in database {database}.")


def kept(*index: str) -> tuple[str, ...]:
    """Print the definition of an index; as reading it can wait for DDL, we do not."""
    return (
        remark("Save its definition, to create it again if it turns out to be needed:"),
        f"SELECT pg_catalog.pg_get_indexdef({regclass(*index)});",
    )


def dropped(*index: str) -> tuple[str, ...]:
    """Drop an index without blocking other sessions, after its definition was printed."""
    statement = f"DROP INDEX CONCURRENTLY {identifier(*index)};"
    clean_up = "the index is invalid; run DROP INDEX CONCURRENTLY again."
    return (*kept(*index), *concurrently(statement, clean_up))


def shown(*index: str) -> str:
    """Return a query that shows state, use and size of an index."""
    which = regclass(*index)
    return (
        "SELECT i.indexrelid::pg_catalog.regclass, i.indisvalid, i.indisready, i.indislive,"
        " pg_catalog.pg_stat_get_numscans(i.indexrelid) AS idx_scan,"
        " pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(i.indexrelid))"
        f" FROM pg_catalog.pg_index i WHERE {equals('i.indexrelid', which)};"
    )
