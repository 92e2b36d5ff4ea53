"""Trends of sizes: of databases, and of the largest tables with their indexes."""

from collections.abc import Iterator
from heapq import nlargest

from alerts.runway.trends import Point, Trends
from collectors._base import AnyAnswer
from collectors._columns import column
from collectors.database_sizes import database_sizes
from collectors.user_tables import user_tables

DATABASES = 40
"""Databases of a server whose growth is known: the largest."""
TABLES = 60
"""Tables of a server whose growth is known: the largest."""


def table_key(datname: str, relid: int) -> str:
    return f"{datname}.{relid}"


def _databases(answer: AnyAnswer) -> Iterator[Point]:
    known = ((row.size_bytes, row.datname) for row in answer.rows if row.size_bytes is not None)
    for size, datname in nlargest(DATABASES, known):
        yield Point(datname, size)


def _tables(answer: AnyAnswer) -> Iterator[Point]:
    """Read the packed columns: there may be a hundred thousand tables."""
    rows = answer.rows
    names = ("datname", "relid", "table_size_bytes", "index_size_bytes")
    columns = zip(*(column(rows, name) for name in names), strict=True)
    known = ((heap + index, name, relid) for name, relid, heap, index in columns if heap)
    for size, name, relid in nlargest(TABLES, known):
        yield Point(table_key(name, relid), size)


DATABASE_SIZES = Trends(database_sizes, "database_sizes", _databases, every=240)
TABLE_SIZES = Trends(user_tables, "table_sizes", _tables, every=280)
