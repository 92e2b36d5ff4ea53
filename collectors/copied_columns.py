"""pg_constraint: columns of the same name and type in a table and in one that it refers to."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# Columns of a key on either side are how the tables are joined, and no copies. Names are counted
# once, and those of many tables left out: with a schema for each customer all of them are such.
QUERY = """
    with keys as materialized (
        select k.conrelid as relid, unnest(k.conkey) as attnum
        from pg_catalog.pg_constraint k where k.contype in ('p', 'f')
        union
        select k.confrelid, unnest(k.confkey)
        from pg_catalog.pg_constraint k where k.contype = 'f'
    ), names as materialized (
        select o.attname, count(*) as tables
        from pg_catalog.pg_attribute o
        join pg_catalog.pg_class t on t.oid = o.attrelid
        where not o.attisdropped
            and o.attnum > 0
            and t.relkind in ('r', 'p')
            and not t.relispartition
        group by o.attname
        having count(*) <= 20
    )
    select distinct on (c.oid, a.attnum)
        current_database()::text                                    as datname,
        c.oid                                                       as relid,
        n.nspname::text                                             as schemaname,
        c.relname::text                                             as relname,
        a.attname::text                                             as attname,
        format_type(a.atttypid, a.atttypmod)                        as type,
        pn.nspname::text                                            as parent_schemaname,
        p.relname::text                                             as parent_relname,
        left(d.description, 500)                                    as comment,
        greatest(c.reltuples, 0)::float8                            as rows,
        m.tables                                                    as tables
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class c on c.oid = f.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_class p on p.oid = f.confrelid
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid
    join pg_catalog.pg_attribute b on b.attrelid = p.oid and b.attname = a.attname
    join names m on m.attname = a.attname
    left join pg_catalog.pg_description d
        on d.classoid = 'pg_catalog.pg_class'::regclass
        and d.objoid = c.oid
        and d.objsubid = a.attnum
    where f.contype = 'f'
        and f.confrelid <> f.conrelid
        and not c.relispartition
        and not p.relispartition
        and a.attnum > 0
        and b.attnum > 0
        and not a.attisdropped
        and not b.attisdropped
        and a.atttypid = b.atttypid
        and a.attgenerated = ''
        and not exists (select from keys k where k.relid = c.oid and k.attnum = a.attnum)
        and not exists (select from keys k where k.relid = p.oid and k.attnum = b.attnum)
        and {of_users}
    order by c.oid, a.attnum, f.oid
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class CopiedColumn:
    datname: str
    relid: int
    schemaname: str
    relname: str
    attname: str
    type: str
    parent_schemaname: str
    parent_relname: str
    """The table that has the same column."""
    comment: str | None
    """On the copy; where it is documented, the reason."""
    rows: float
    tables: int
    """How many tables of the database have a column of this name; at most 20."""


copied_columns = Collector(
    row=CopiedColumn,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "attname"),
)
