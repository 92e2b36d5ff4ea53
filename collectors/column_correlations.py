"""pg_statistic: how far the rows of a table lie in the order of its indexed columns."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._capabilities import COLUMN_ORDER

# Not pg_stats, which is silently empty without SELECT on the tables. Of the kinds of statistics
# that a column can have, number 3 is the correlation.
QUERY = """
    select
        current_database()::text                            as datname,
        s.starelid                                          as relid,
        s.staattnum                                         as attnum,
        case 3
            when s.stakind1 then s.stanumbers1[1]
            when s.stakind2 then s.stanumbers2[1]
            when s.stakind3 then s.stanumbers3[1]
            when s.stakind4 then s.stanumbers4[1]
            when s.stakind5 then s.stanumbers5[1]
        end::float8                                         as correlation
    from pg_catalog.pg_statistic s
    join pg_catalog.pg_class c on c.oid = s.starelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where not s.stainherit
        and c.relkind in ('r', 'm')
        and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_toast'
        and c.relpages >= 128
        and exists (
            select from pg_catalog.pg_index i
            where i.indrelid = s.starelid and i.indkey[0] = s.staattnum
        )
        and s.starelid {asked}
"""


@dataclass(frozen=True, slots=True)
class ColumnCorrelation:
    """An analysed column that an index begins with, of a table of at least 128 pages."""

    datname: str
    relid: int
    attnum: int
    correlation: float | None
    """From -1 to 1, where rows lie exactly in its order; None of types without an order."""


column_correlations = Collector(
    row=ColumnCorrelation,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "attnum"),
    needs=(COLUMN_ORDER,),
    bulk=True,
)
