"""pg_constraint: foreign keys whose columns no index begins with, and how both tables are used."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# An index serves if it is valid, its first key columns are those of the foreign key in any order,
# and it holds all rows, or all in which these columns are not null. BRIN can't look up single rows.
# The counters of tables below a thousand rows are left out, as scans of them cost nothing.
QUERY = r"""
    with this_database as materialized (
        select
            current_setting('block_size')::int8                             as block_size,
            date_part('epoch', greatest(
                pg_catalog.pg_stat_get_db_stat_reset_time(oid),
                pg_catalog.pg_stat_get_bgwriter_stat_reset_time()
            ))                                                              as stats_reset
        from pg_catalog.pg_database where datname = current_database()
    ), partition_root as (
        select p.oid, n.nspname, p.relname
        from pg_catalog.pg_partitioned_table
        join pg_catalog.pg_class p on p.oid = partrelid and not p.relispartition
        join pg_catalog.pg_namespace n on n.oid = p.relnamespace
    )
    select
        current_database()::text                                            as datname,
        c.oid                                                               as constraint_oid,
        c.conrelid                                                          as relid,
        n.nspname::text                                                     as schemaname,
        t.relname::text                                                     as relname,
        c.conname::text                                                     as conname,
        (
            select array_agg(a.attname::text order by k.position)
            from unnest(c.conkey) with ordinality k (attnum, position)
            join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
        )                                                                   as attnames,
        pn.nspname::text                                                    as parent_schemaname,
        p.relname::text                                                     as parent_relname,
        c.confdeltype::text                                                 as on_delete,
        partition_root.oid                                                  as root_relid,
        partition_root.nspname::text                                        as root_schemaname,
        partition_root.relname::text                                        as root_relname,
        t.relpages * this_database.block_size                               as table_bytes,
        greatest(
            t.reltuples::float8, pg_catalog.pg_stat_get_live_tuples(c.conrelid)
        )                                                                   as table_rows,
        p.reltuples::float8                                                 as parent_rows,
        w.seq_scan                                                          as seq_scan,
        w.seq_tup_read                                                      as seq_tup_read,
        coalesce(d.deletes, 0)                                              as parent_deletes,
        coalesce(d.updates, 0)                                              as parent_updates,
        this_database.stats_reset                                           as stats_reset
    from pg_catalog.pg_constraint c
    join pg_catalog.pg_class t on t.oid = c.conrelid and t.relkind = 'r'
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    join pg_catalog.pg_class p on p.oid = c.confrelid
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    cross join this_database
    left join pg_catalog.pg_constraint above on above.oid = c.conparentid
    left join partition_root on partition_root.oid = case
        when t.relispartition then pg_catalog.pg_partition_root(t.oid)
    end
    left join lateral (
        select
            pg_catalog.pg_stat_get_numscans(t.oid)                          as seq_scan,
            pg_catalog.pg_stat_get_tuples_returned(t.oid)                   as seq_tup_read
        where greatest(t.reltuples, pg_catalog.pg_stat_get_live_tuples(t.oid)) >= 1000
    ) w on true
    cross join lateral (
        select
            sum(pg_catalog.pg_stat_get_tuples_deleted(f.confrelid))::int8   as deletes,
            sum(pg_catalog.pg_stat_get_tuples_updated(f.confrelid))::int8   as updates
        from pg_catalog.pg_constraint f
        where f.contype = 'f' and f.conrelid = c.conrelid
            and (f.oid = c.oid or f.conparentid = c.oid)
    ) d
    where c.contype = 'f'
        and above.conrelid is distinct from c.conrelid
        {enforced}
        and t.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and c.conrelid {asked}
        and not exists (
            select from pg_catalog.pg_index i
            join pg_catalog.pg_class x on x.oid = i.indexrelid
            join pg_catalog.pg_am am on am.oid = x.relam
            where i.indrelid = c.conrelid
                and i.indisvalid and i.indisready
                and am.amname <> 'brin'
                and i.indnkeyatts >= cardinality(c.conkey)
                and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
                and (
                    i.indpred is null
                    or regexp_replace(
                        i.indpred::text,
                        '\{NULLTEST :arg \{VAR [^{}]*\} :nulltesttype 1[^{}]*\}', '', 'g'
                    ) ~ '^(\{BOOLEXPR :boolop and :args \( *\)[^{}]*\})?$'
                    and not exists (
                        select from regexp_matches(i.indpred::text, ':varattno (\d+)', 'g') m
                        where m[1]::int2 <> all (c.conkey)
                    )
                )
        )
"""


@dataclass(frozen=True, slots=True)
class UnindexedForeignKey:
    """A foreign key of a table or leaf partition, without an index that serves it."""

    datname: str
    constraint_oid: int
    relid: int
    schemaname: str
    relname: str
    conname: str
    attnames: list[str]
    """Its columns, in the order of the key."""
    parent_schemaname: str
    """Of the table that it refers to, as the next one."""
    parent_relname: str
    on_delete: str
    """`a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default."""
    root_relid: int | None
    """The topmost partitioned table that it belongs to, and its name."""
    root_schemaname: str | None
    root_relname: str | None
    table_bytes: int
    """At the last vacuum or analyze."""
    table_rows: float
    """Estimated; -1 if unknown."""
    parent_rows: float
    """At the last vacuum or analyze; -1 if there was none."""
    seq_scan: int | None
    """Sequential scans of the table; None below a thousand rows, like the next one."""
    seq_tup_read: int | None
    parent_deletes: int
    """Rows deleted from the table that it refers to."""
    parent_updates: int
    stats_reset: float | None
    """The earliest start of the counters; it changes when a crash resets them."""


unindexed_foreign_keys = Collector(
    row=UnindexedForeignKey,
    lane=Lane.slow,
    sql={
        140000: QUERY.replace("{enforced}", ""),
        180000: QUERY.replace("{enforced}", "and c.conenforced"),
    },
    scope=Scope.database,
    key=("datname", "constraint_oid"),
    counters=("seq_scan", "seq_tup_read", "parent_deletes", "parent_updates"),
    epoch="stats_reset",
    bulk=True,
)
