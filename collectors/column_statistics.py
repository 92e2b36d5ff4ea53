"""pg_statistic: width and share of nulls of each column, but no values."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._capabilities import COLUMN_STATISTICS

# Not pg_stats: without SELECT on the tables, that view is silently empty. Rows of an index are of
# its expressions. Since 18 the owner of a table can write any statistics: impossible ones
# are none.
QUERY = """
    select
        current_database()::text                            as datname,
        s.starelid                                          as relid,
        array_agg(s.staattnum order by s.staattnum)         as staattnum,
        array_agg(s.stanullfrac order by s.staattnum)       as stanullfrac,
        array_agg(s.stawidth order by s.staattnum)          as stawidth,
        array_agg(s.stadistinct order by s.staattnum)       as stadistinct,
        extract(epoch from greatest(
            pg_catalog.pg_stat_get_last_analyze_time(s.starelid),
            pg_catalog.pg_stat_get_last_autoanalyze_time(s.starelid)
        ))::float8                                          as last_analyze
    from pg_catalog.pg_statistic s
    join pg_catalog.pg_class c on c.oid = s.starelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where not s.stainherit
        and c.relkind in ('r', 'm', 'i')
        and c.relpersistence <> 't'
        and n.nspname <> 'information_schema'
        and n.nspname !~ '^pg_toast'
        and (c.relpages >= 128 or c.reltuples >= 1000)
        and s.starelid {asked}
        and s.stanullfrac between 0 and 1
        and s.stawidth between 0 and 1 << 30
        and s.stadistinct >= -1
        and s.stadistinct < 'infinity'
    group by s.starelid
"""


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """The analysed columns of one table, or the expressions of one index; lists run along
    staattnum."""

    datname: str
    relid: int
    staattnum: list[int]
    stanullfrac: list[float]
    stawidth: list[int]
    """Mean bytes as stored, cut to whole."""
    stadistinct: list[float]
    """Distinct values, or, if negative, that share of the rows."""
    last_analyze: float | None = None
    """Unix seconds of the ANALYZE that they are from; None of an index."""


column_statistics = Collector(
    row=ColumnStatistics,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid"),
    needs=(COLUMN_STATISTICS,),
    bulk=True,
)
