"""pg_class: the relations of each database that are nearest to the age of being frozen."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# The catalogues, TOAST and temporary tables hold back a database like any other table. A TOAST
# table without settings of its own is vacuumed by those of its table.
QUERY = """
    with aged as materialized (
        select
            c.oid                                                           as relid,
            c.relnamespace,
            c.relname,
            c.relkind,
            c.relpersistence,
            c.relpages,
            m.oid                                                           as main_relid,
            age(c.relfrozenxid)::int8                                       as xid_age,
            mxid_age(c.relminmxid)::int8                                    as mxid_age,
            (
                select option_value::int8
                from pg_catalog.pg_options_to_table(coalesce(c.reloptions, m.reloptions))
                where option_name = 'autovacuum_freeze_max_age'
            )                                                               as own_max_xid_age,
            (
                select option_value::int8
                from pg_catalog.pg_options_to_table(coalesce(c.reloptions, m.reloptions))
                where option_name = 'autovacuum_multixact_freeze_max_age'
            )                                                               as own_max_mxid_age
        from pg_catalog.pg_class c
        left join pg_catalog.pg_class m on c.relkind = 't' and m.reltoastrelid = c.oid
        where c.relkind in ('r', 'm', 't') and c.relfrozenxid <> '0'
    ), limited as (
        select
            a.*,
            least(
                a.own_max_xid_age, current_setting('autovacuum_freeze_max_age')::int8
            )                                                               as max_xid_age,
            least(
                a.own_max_mxid_age, current_setting('autovacuum_multixact_freeze_max_age')::int8
            )                                                               as max_mxid_age
        from aged a
    )
    select
        current_database()::text                                            as datname,
        l.relid                                                             as relid,
        n.nspname::text                                                     as schemaname,
        l.relname::text                                                     as relname,
        l.relkind::text                                                     as relkind,
        l.relpersistence::text                                              as relpersistence,
        l.relpages                                                          as relpages,
        mn.nspname::text                                                    as main_schemaname,
        m.relname::text                                                     as main_relname,
        l.xid_age                                                           as xid_age,
        l.max_xid_age                                                       as max_xid_age,
        l.mxid_age                                                          as mxid_age,
        l.max_mxid_age                                                      as max_mxid_age
    from limited l
    join pg_catalog.pg_namespace n on n.oid = l.relnamespace
    left join pg_catalog.pg_class m on m.oid = l.main_relid
    left join pg_catalog.pg_namespace mn on mn.oid = m.relnamespace
    order by
        greatest(
            l.xid_age::float8 / greatest(l.max_xid_age, 1),
            l.mxid_age::float8 / greatest(l.max_mxid_age, 1)
        ) desc,
        l.relpages desc,
        l.relid
    limit 20
"""


@dataclass(frozen=True, slots=True)
class OldestRelation:
    """A table, materialised view or TOAST table; the 20 of a database that are nearest."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    relkind: str
    relpersistence: str
    """`t` is temporary: only its own session can vacuum it."""
    relpages: int
    main_schemaname: str | None
    """Of a TOAST table the table that it belongs to; None of others, as is the next."""
    main_relname: str | None
    xid_age: int
    """Transactions since its oldest row that is not frozen."""
    max_xid_age: int
    """The age at which autovacuum must freeze it: by the server's settings or its own."""
    mxid_age: int
    max_mxid_age: int


oldest_relations = Collector(
    row=OldestRelation,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid"),
)
