"""Shares: how frequent the values of columns can be that a plan compares together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from collectors.plans import ColumnShare, Comparison, PlanNode

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

KINDS = frozenset(
    {
        *("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Bitmap Index Scan"),
        *("BitmapAnd", "Gather", "Gather Merge", "Sort", "Incremental Sort"),
    }
)
"""Nodes that return all rows that they find, each once."""
MOST = 8
"""Columns of one object of extended statistics."""
# A value may have 1.25 times the mean share without being listed as frequent.
QUERY = """
    select
        s.attname::text                                                     as name,
        coalesce(
            s.most_common_freqs[1]::float8,
            1.25 / nullif(case
                when s.n_distinct > 0 then s.n_distinct::float8
                else - s.n_distinct::float8 * c.reltuples::float8
            end, 0.0::float8)
        )                                                                   as largest,
        exists (
            select from pg_catalog.pg_statistic_ext x
            where x.stxrelid = c.oid
                and ('f' = any (x.stxkind) or 'm' = any (x.stxkind))
                and (
                    select pg_catalog.array_agg(a.attnum)
                    from pg_catalog.pg_attribute a
                    where a.attrelid = c.oid and a.attname = any ($3::text[]::name[])
                ) <@ x.stxkeys::int2[]
        )                                                                   as is_covered
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_stats s
        on s.schemaname = n.nspname and s.tablename = c.relname and not s.inherited
    where n.nspname = $1::text::name
        and c.relname = $2::text::name
        and s.attname = any ($3::text[]::name[])
    order by s.attname
"""


async def shares_of(
    connection: "Connection", nodes: Sequence[PlanNode]
) -> tuple[tuple[ColumnShare, ...], bool]:
    """Return the shares, and whether extended statistics cover the columns; often there are none.

    Only a plan that returns the rows of one table as it finds them has any.
    """
    tables = [node for node in nodes if node.relname]
    if len(tables) != 1 or any(node.kind not in KINDS for node in nodes):
        return (), False
    [node] = tables
    columns = [one.column for one in node.conditions if one.comparison is Comparison.equal]
    if not 2 <= len(set(columns)) <= MOST:
        return (), False
    rows = await connection.fetch(QUERY, node.schemaname, node.relname, columns)
    if len(rows) < len(set(columns)) or any(row["largest"] is None for row in rows):
        return (), False
    shares = tuple(ColumnShare(row["name"], row["largest"]) for row in rows)
    return shares, rows[0]["is_covered"]
