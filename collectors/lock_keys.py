"""Keys of tables that pgvigil may read: an opt-in of each table, which makes row locks known."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# Only what was granted column by column counts: a superuser that watches reads no data either.
# Policies of row security are code of the users, and so are types: such tables are left out.
QUERY = """
    select
        current_database()::text                                        as datname,
        c.oid                                                           as relid,
        n.nspname::text                                                 as schemaname,
        c.relname::text                                                 as relname,
        c.relpages::int8                                                as relpages,
        greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::float8   as rows,
        k.columns                                                       as columns,
        k.numbers                                                       as numbers,
        array(
            select f.conrelid from pg_catalog.pg_constraint f
            where f.contype = 'f' and f.confrelid = c.oid
        )                                                               as referencing
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join lateral (
        select
            array_agg(a.attname::text order by p.place)                 as columns,
            array_agg(
                a.atttypid in (
                    'pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype,
                    'pg_catalog.int8'::regtype
                )
                order by p.place
            )                                                           as numbers
        from pg_catalog.pg_index i
        cross join unnest(i.indkey) with ordinality as p(attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = p.attnum
        join pg_catalog.pg_type t on t.oid = a.atttypid
        where i.indrelid = c.oid
            and i.indisunique
            and i.indisvalid
            and i.indpred is null
            and i.indexprs is null
            and p.place <= i.indnkeyatts
        group by i.indexrelid, i.indisprimary
        having bool_and(
            a.attacl is not null
            and has_column_privilege(c.oid, a.attnum, 'select')
            and t.typnamespace = 'pg_catalog'::regnamespace
        )
        order by i.indisprimary desc, i.indexrelid
        limit 1
    ) k on true
    where c.relkind = 'r'
        and not c.relrowsecurity
        and has_schema_privilege(n.oid, 'usage')
        and (
            select count(*) from pg_catalog.pg_attribute s
            where s.attrelid = c.oid
                and s.attname in ('ctid', 'xmax')
                and s.attnum < 0
                and s.attacl is not null
                and has_column_privilege(c.oid, s.attnum, 'select')
        ) = 2
        and c.oid {asked}
"""


@dataclass(frozen=True, slots=True)
class LockKey:
    """A table whose key was granted, with ctid and xmax."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    relpages: int
    rows: float
    """-1: never analyzed, and nothing counted."""
    columns: Sequence[str]
    """Of its primary key, or of another unique index of which all columns were granted."""
    numbers: Sequence[bool]
    """Which of them are integers."""
    referencing: Sequence[int]
    """Tables with a foreign key to it: who writes there may hold rows here in a weak mode."""


lock_keys = Collector(
    row=LockKey,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid"),
    bulk=True,
)
