"""pg_collation and pg_database: collations whose order may have changed under their indexes."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# 100 is the collation `default`: that of the database itself, whose version is known since 15.
QUERY = """
    with recorded as (
        select
            n.nspname::text                             as schemaname,
            l.collname::text                            as collname,
            l.oid                                       as colloid,
            l.collversion                               as recorded,
            pg_collation_actual_version(l.oid)          as actual
        from pg_catalog.pg_collation l
        join pg_catalog.pg_namespace n on n.oid = l.collnamespace
        where l.collversion is not null
        {database}
    )
    select
        current_database()::text                        as datname,
        schemaname,
        collname,
        recorded,
        actual,
        (select count(*) from {indexes})::int4          as indexes,
        (select count(*) from {indexes} and i.indisunique)::int4
                                                        as unique_indexes,
        array(
            select quote_ident(xn.nspname) || '.' || quote_ident(x.relname)
            from pg_catalog.pg_index i
            join pg_catalog.pg_class x on x.oid = i.indexrelid and x.relkind = 'i'
            join pg_catalog.pg_namespace xn on xn.oid = x.relnamespace
            where recorded.colloid = any (i.indcollation)
                and xn.nspname !~ '^pg_temp_'
                and xn.nspname not in ('pg_catalog', 'pg_toast', 'information_schema')
            order by not i.indisunique, x.relpages desc, x.oid
            limit 20
        )                                               as names
    from recorded
    where recorded.recorded is distinct from recorded.actual
"""
DATABASE = """
        union all
        select '', '', 100, d.datcollversion, pg_database_collation_actual_version(d.oid)
        from pg_catalog.pg_database d
        where d.datname = current_database() and d.datcollversion is not null
"""
INDEXES = """pg_catalog.pg_index i
            join pg_catalog.pg_class x on x.oid = i.indexrelid and x.relkind = 'i'
            join pg_catalog.pg_namespace xn on xn.oid = x.relnamespace
            where recorded.colloid = any (i.indcollation)
                and xn.nspname !~ '^pg_temp_'
                and xn.nspname not in ('pg_catalog', 'pg_toast', 'information_schema')"""


@dataclass(frozen=True, slots=True)
class ChangedCollation:
    """A collation whose library now sorts by another version than that of its indexes."""

    datname: str
    schemaname: str
    """Empty: the collation of the database itself."""
    collname: str
    recorded: str
    actual: str | None
    """None: the library no longer knows it."""
    indexes: int
    unique_indexes: int
    names: list[str]
    """Quoted names of the indexes, unique ones first, at most 20."""


changed_collations = Collector(
    row=ChangedCollation,
    lane=Lane.daily,
    sql={
        140000: QUERY.replace("{database}", "").replace("{indexes}", INDEXES),
        150000: QUERY.replace("{database}", DATABASE).replace("{indexes}", INDEXES),
    },
    scope=Scope.database,
    key=("datname", "schemaname", "collname"),
)
