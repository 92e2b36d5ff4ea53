"""Queries that show partitions, for people."""

from alerts.cure import equals, regclass
from collectors.partitions import Partition


def partitions_of(parent: Partition) -> str:
    """Return a query for the direct partitions of a table, with their bounds."""
    own = regclass(parent.schemaname, parent.relname)
    return (
        "SELECT inhrelid::pg_catalog.regclass, pg_catalog.pg_get_expr(c.relpartbound, c.oid)"
        " FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class c"
        f" ON {equals('c.oid', 'inhrelid')} WHERE {equals('inhparent', own)};"
    )
