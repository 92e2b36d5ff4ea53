"""pg_partitioned_table and pg_inherits: partitioned tables, and their partitions with bounds."""

from dataclasses import dataclass

from collectors import _sizes as sizes
from collectors._base import Collector, Lane, Scope

# pg_get_expr locks the relation that it is given, so it is given none: a bound needs none.
# Bounds of type timestamptz are shown in the time zone of the session, which is UTC.
QUERY = """
    select
        current_database()::text                                    as datname,
        c.oid                                                       as relid,
        n.nspname::text                                             as schemaname,
        c.relname::text                                             as relname,
        c.relkind::text                                             as relkind,
        pg_get_userbyid(c.relowner)::text                           as owner,
        i.inhparent                                                 as parent_relid,
        coalesce(i.inhdetachpending, false)                         as is_detaching,
        {bound}                                                     as bound,
        p.partstrat::text                                           as strategy,
        p.partdefid                                                 as default_relid,
        p.partnatts::int4                                           as key_columns,
        a.attname::text                                             as key_column,
        format_type(a.atttypid, null)                               as key_type,
        c.relpages                                                  as relpages,
        c.reltuples::float8                                         as reltuples,
        pg_stat_get_tuples_inserted(c.oid)                          as n_tup_ins,
        pg_stat_get_live_tuples(c.oid)                              as n_live_tup,
        pg_stat_get_mod_since_analyze(c.oid)                        as n_mod_since_analyze,
        date_part('epoch', greatest(
            pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)
        ))                                                          as last_analyze
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_inherits i on c.relispartition and i.inhrelid = c.oid
    left join pg_catalog.pg_partitioned_table p on p.partrelid = c.oid
    left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
    where (c.relispartition or c.relkind = 'p')
        and c.relkind in ('r', 'p', 'f')
        and c.relpersistence <> 't'
        and c.oid {asked}
""".replace("{bound}", sizes.left("pg_get_expr(c.relpartbound, 0)", 1024))


@dataclass(frozen=True, slots=True)
class Partition:
    """A partitioned table, a partition, or both."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    relkind: str
    owner: str
    parent_relid: int | None
    """None of a partitioned table that is no partition."""
    is_detaching: bool
    """Whether DETACH CONCURRENTLY was begun and not finished."""
    bound: str | None
    """As CREATE TABLE writes it; times with a zone in UTC; cut after a thousand bytes."""
    strategy: str | None
    """r range, l list, h hash; None, as are the next four, unless it is partitioned."""
    default_relid: int | None
    """0: it has no DEFAULT partition."""
    key_columns: int | None
    key_column: str | None
    """The first of the key; None if that is an expression."""
    key_type: str | None
    relpages: int
    reltuples: float
    """At the last vacuum or analyze; -1 if there was none."""
    n_tup_ins: int
    n_live_tup: int
    n_mod_since_analyze: int
    last_analyze: float | None


partitions = Collector(
    row=Partition,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid"),
    bulk=True,
)
