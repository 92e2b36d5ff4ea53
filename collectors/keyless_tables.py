"""pg_class: tables without a primary key, and how much they are written."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# A partition has the key of its parent, or lacks it with the parent.
QUERY = """
    select
        current_database()::text                                        as datname,
        c.oid                                                           as relid,
        n.nspname::text                                                 as schemaname,
        c.relname::text                                                 as relname,
        c.relkind = 'p'                                                 as is_partitioned,
        c.relpersistence = 'u'                                          as is_unlogged,
        c.relreplident = 'f' or c.relreplident = 'i' and exists (
            select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisreplident
        )                                                               as is_identified,
        greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::float8   as rows,
        pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)
                                                                        as changed_rows,
        (
            select array_agg(a.attname::text order by k.place)
            from pg_catalog.pg_index i
            cross join unnest(i.indkey) with ordinality as k(attnum, place)
            join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
            where i.indexrelid = (
                select u.indexrelid
                from pg_catalog.pg_index u
                where u.indrelid = c.oid
                    and u.indisunique
                    and u.indisvalid
                    and u.indimmediate
                    and u.indpred is null
                    and u.indexprs is null
                    and not exists (
                        select from unnest(u.indkey) as part(attnum)
                        join pg_catalog.pg_attribute b
                            on b.attrelid = c.oid and b.attnum = part.attnum
                        where not b.attnotnull
                    )
                order by u.indnkeyatts, u.indexrelid
                limit 1
            )
            and k.place <= i.indnkeyatts
        )                                                               as unique_columns
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p')
        and not c.relispartition
        and not exists (
            select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisprimary
        )
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class KeylessTable:
    datname: str
    relid: int
    schemaname: str
    relname: str
    is_partitioned: bool
    is_unlogged: bool
    rows: float
    """By an estimate; -1: never analysed, and nothing counted."""
    changed_rows: int
    """Updated and deleted since the statistics were reset."""
    unique_columns: list[str] | None
    """Columns of a unique index that could be the key; None: there is none."""
    is_identified: bool = False
    """Whether its REPLICA IDENTITY is another index, or the whole row."""


keyless_tables = Collector(
    row=KeylessTable,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid"),
)
