"""pg_publication: published tables whose rows can't be identified, so that UPDATE fails on them."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Role, Scope

# Only tables that lack an identity are returned. Rows are in partitions, so that those of a
# published parent count; pg_partition_tree() would wait for a lock.
QUERY = """
    with recursive publications as materialized (
        select oid, pubname::text as pubname, puballtables, pubupdate, pubdelete
        from pg_catalog.pg_publication
        where pubupdate or pubdelete
    ), published (pub, relid) as (
        select p.oid, r.prrelid
        from publications p
        join pg_catalog.pg_publication_rel r on r.prpubid = p.oid
        {of_schemas}
        union
        select t.pub, i.inhrelid
        from published t
        join pg_catalog.pg_inherits i on i.inhparent = t.relid
        join pg_catalog.pg_class child on child.oid = i.inhrelid and child.relispartition
    ), tables as (
        select pub, relid from published
        union
        select p.oid, c.oid
        from publications p
        join pg_catalog.pg_class c on p.puballtables and c.relkind = 'r' and c.oid >= 16384
    ), lacking as materialized (
        select
            c.oid,
            c.relnamespace,
            c.relname,
            c.relreplident,
            min(p.pubname)                          as pubname,
            bool_or(p.pubupdate)                    as for_update,
            bool_or(p.pubdelete)                    as for_delete
        from tables t
        join publications p on p.oid = t.pub
        join pg_catalog.pg_class c on c.oid = t.relid
        left join pg_catalog.pg_index k on k.indrelid = c.oid and k.indisvalid
            and case c.relreplident
                when 'd' then k.indisprimary and k.indimmediate
                    when 'i' then k.indisreplident else false
            end
        where c.relkind = 'r' and c.relpersistence = 'p' and c.relreplident <> 'f'
            and k.indexrelid is null
        group by c.oid, c.relnamespace, c.relname, c.relreplident
        order by c.oid
        limit 1000
    )
    select
        current_database()::text                    as datname,
        c.oid                                       as relid,
        n.nspname::text                             as schemaname,
        c.relname::text                             as relname,
        c.pubname                                   as pubname,
        c.for_update                                as for_update,
        c.for_delete                                as for_delete,
        c.relreplident::text                        as identity,
        (
            select x.relname::text
            from pg_catalog.pg_index i
            join pg_catalog.pg_class x on x.oid = i.indexrelid
            where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
                and i.indpred is null and i.indexprs is null
                and not exists (
                    select from pg_catalog.pg_attribute a
                    where a.attrelid = c.oid and a.attnum = any (i.indkey) and not a.attnotnull
                )
            order by i.indnkeyatts, i.indexrelid
            limit 1
        )                                           as candidate
    from lacking c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema')
"""
OF_SCHEMAS = """union
        select p.oid, c.oid
        from publications p
        join pg_catalog.pg_publication_namespace s on s.pnpubid = p.oid
        join pg_catalog.pg_class c on c.relnamespace = s.pnnspid and c.relkind in ('r', 'p')"""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One table without an identity for its rows."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    pubname: str
    """The first of its publications, by name."""
    for_update: bool
    """Whether updates are published, which therefore fail."""
    for_delete: bool
    identity: str
    """d: the primary key, which is missing or DEFERRABLE; i: an index that is gone; n: none."""
    candidate: str | None
    """An index that could identify its rows."""


published_tables = Collector(
    row=PublishedTable,
    lane=Lane.slow,
    sql={
        140000: QUERY.replace("{of_schemas}", ""),
        150000: QUERY.replace("{of_schemas}", OF_SCHEMAS),
    },
    scope=Scope.database,
    key=("datname", "relid"),
    on=Role.primary,
)
