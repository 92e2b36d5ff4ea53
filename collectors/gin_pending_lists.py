"""pgstatginindex(): entries of each GIN index that wait to be sorted into it."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._capabilities import READ_ALL_STATS, READ_PENDING_LISTS

# The function locks the index, so an index that is locked, or about to be, is left out. It reads
# one page. pg_monitor may execute it; gin_metapage_info of pageinspect takes a superuser.
QUERY = """
    with gin as materialized (
        select i.indexrelid, i.indrelid, x.relname, x.reloptions, x.relnamespace
        from pg_catalog.pg_am am
        join pg_catalog.pg_class x on x.relam = am.oid and x.relkind = 'i'
        join pg_catalog.pg_index i on i.indexrelid = x.oid
        where am.amname = 'gin'
            and i.indisvalid and i.indislive
            and x.relpersistence <> 't'
            and not (x.relpersistence = 'u' and pg_is_in_recovery())
            and not exists (
                select from pg_catalog.pg_locks l
                where l.relation in (i.indexrelid, i.indrelid)
                    and l.mode = 'AccessExclusiveLock'
            )
    )
    select
        current_database()::text                                        as datname,
        g.indexrelid                                                    as indexrelid,
        g.indrelid                                                      as relid,
        n.nspname::text                                                 as schemaname,
        t.relname::text                                                 as relname,
        g.relname::text                                                 as indexrelname,
        s.pending_pages * current_setting('block_size')::int8           as pending_bytes,
        s.pending_tuples                                                as pending_rows,
        (
            select option_value::int8 * 1024
            from pg_catalog.pg_options_to_table(g.reloptions)
            where option_name = 'gin_pending_list_limit'
        )                                                               as own_limit_bytes
    from gin g
    join pg_catalog.pg_class t on t.oid = g.indrelid
    join pg_catalog.pg_namespace n on n.oid = g.relnamespace
    cross join lateral {schema}.pgstatginindex(g.indexrelid) s
"""


@dataclass(frozen=True, slots=True)
class GinPendingList:
    datname: str
    indexrelid: int
    relid: int
    schemaname: str
    relname: str
    indexrelname: str
    pending_bytes: int
    """Pages of the list, which every search of the index reads as a whole."""
    pending_rows: int
    own_limit_bytes: int | None
    """Its own gin_pending_list_limit, at which an insert empties the list; None: the server's."""


gin_pending_lists = Collector(
    row=GinPendingList,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "indexrelid"),
    needs=(READ_ALL_STATS, READ_PENDING_LISTS),
    extension="pgstattuple",
)
