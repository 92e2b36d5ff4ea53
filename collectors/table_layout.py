"""pg_class and pg_attribute: size of each table, and the layout of its rows."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# All values are from catalogues and counters, so a locked table causes no wait. Tables below one
# megabyte are omitted: they would be most of the rows. Tables of unknown size are included, and
# large system catalogues of the database.
QUERY = """
    select
        current_database()::text                                          as datname,
        c.oid                                                             as relid,
        n.nspname::text                                                   as schemaname,
        c.relname::text                                                   as relname,
        c.relfilenode                                                     as relfilenode,
        current_setting('block_size')::int                                as block_size,
        c.relpages                                                        as relpages,
        c.reltuples::float8                                               as reltuples,
        coalesce(
            (select option_value::int from pg_catalog.pg_options_to_table(c.reloptions)
             where option_name = 'fillfactor'),
            100
        )                                                                 as fillfactor,
        pg_catalog.pg_stat_get_live_tuples(c.oid)                         as n_live_tup,
        pg_catalog.pg_stat_get_dead_tuples(c.oid)                         as n_dead_tup,
        pg_catalog.pg_stat_get_mod_since_analyze(c.oid)                   as n_mod_since_analyze,
        extract(epoch from clock_timestamp() - greatest(
            pg_catalog.pg_stat_get_last_analyze_time(c.oid),
            pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)
        ))::float8                                                        as analyze_seconds,
        extract(epoch from clock_timestamp() - greatest(
            pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
            pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)
        ))::float8                                                        as vacuum_seconds,
        extract(epoch from greatest(
            pg_catalog.pg_stat_get_last_analyze_time(c.oid),
            pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)
        ))::float8                                                        as last_analyze,
        coalesce(a.attlen, '{}')                                          as attlen,
        coalesce(a.attalign, '')                                          as attalign,
        coalesce(a.attstorage, '')                                        as attstorage,
        coalesce(a.attnotnull, '{}')                                      as attnotnull,
        coalesce(a.attisdropped, '{}')                                    as attisdropped,
        coalesce(a.atthasmissing, '{}')                                   as atthasmissing,
        coalesce(a.attisvirtual, '{}')                                    as attisvirtual,
        coalesce(a.typname, '{}')                                         as typname,
        coalesce(a.atttypmod, '{}')                                       as atttypmod,
        coalesce(a.statistics_target, 0)                                  as statistics_target
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join (select current_setting('default_statistics_target')::int as target) defaults
    cross join lateral (
        select
            array_agg(att.attlen order by attnum)                         as attlen,
            string_agg(att.attalign::text, '' order by attnum)            as attalign,
            string_agg(att.attstorage::text, '' order by attnum)          as attstorage,
            array_agg(attnotnull order by attnum)                         as attnotnull,
            array_agg(attisdropped order by attnum)                       as attisdropped,
            array_agg(atthasmissing order by attnum)                      as atthasmissing,
            array_agg(attgenerated = 'v' order by attnum)                 as attisvirtual,
            array_agg(coalesce(b3.typname, b2.typname, b.typname, t.typname)::text order by attnum)
                                                                          as typname,
            array_agg(greatest(atttypmod, t.typtypmod, b.typtypmod, b2.typtypmod) order by attnum)
                                                                          as atttypmod,
            max(case when not attisdropped then
                coalesce(nullif(attstattarget, -1), defaults.target)
            end)::int                                                     as statistics_target
        from pg_catalog.pg_attribute att
        left join pg_catalog.pg_type t on t.oid = atttypid
        left join pg_catalog.pg_type b on b.oid = t.typbasetype
        left join pg_catalog.pg_type b2 on b2.oid = b.typbasetype
        left join pg_catalog.pg_type b3 on b3.oid = b2.typbasetype
        where att.attrelid = c.oid and attnum > 0
    ) a
    where c.relkind in ('r', 'm')
        and c.relpersistence <> 't'
        and n.nspname <> 'information_schema'
        and n.nspname !~ '^pg_toast'
        and (c.relpages >= 128 or (c.reltuples < 0 and n.nspname <> 'pg_catalog'))
        and not c.relisshared
        and c.oid {asked}
"""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """A table, leaf partition, materialised view or system catalogue.

    Its columns are in the order of attnum, dropped ones too.
    """

    datname: str
    relid: int
    schemaname: str
    relname: str
    relfilenode: int
    block_size: int
    relpages: int
    reltuples: float
    """Live rows at the last vacuum or analyze; -1 if there was none."""
    fillfactor: int
    n_live_tup: int
    """From the statistics; may be up to twice the real number, and is 0 after a crash."""
    n_dead_tup: int
    n_mod_since_analyze: int
    analyze_seconds: float | None
    """Seconds since the last one, manual or automatic."""
    vacuum_seconds: float | None
    last_analyze: float | None
    """Unix seconds; rows of other collectors belong to it if they have the same."""
    attlen: list[int]
    attalign: str
    """One character for each column, like attstorage."""
    attstorage: str
    attnotnull: list[bool]
    attisdropped: list[bool]
    atthasmissing: list[bool]
    attisvirtual: list[bool]
    typname: list[str | None]
    """The base type of a domain, also of a domain over domains; None for dropped columns."""
    atttypmod: list[int]
    statistics_target: int = 100
    """The highest of its columns: ANALYZE reads 300 rows for each unit."""


table_layout = Collector(
    row=TableLayout,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid"),
    bulk=True,
)
