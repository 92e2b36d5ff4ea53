"""pg_stat_user_indexes and pg_statio_user_indexes: use and purpose of each index."""

from dataclasses import dataclass

from collectors._base import Bound, Collector, Lane, Metric, Scope, counter, gauge

# Only counters and catalogues: pg_get_indexdef and the size functions would wait for DDL. An index
# supports a foreign key if its first columns are the referencing columns, in any order.
QUERY = """
    with this_database as materialized (
        select
            datname::text                                                   as datname,
            current_setting('block_size')::int8                             as block_size,
            date_part('epoch', greatest(
                pg_catalog.pg_stat_get_db_stat_reset_time(oid),
                pg_catalog.pg_stat_get_bgwriter_stat_reset_time()
            ))                                                              as stats_reset
        from pg_catalog.pg_database where datname = current_database()
    ), partition_root as (
        select p.oid, nspname, p.relname, t.relname as tablename
        from pg_catalog.pg_partitioned_table
        join pg_catalog.pg_index on indrelid = partrelid
        join pg_catalog.pg_class p on p.oid = indexrelid and not p.relispartition
        join pg_catalog.pg_class t on t.oid = partrelid
        join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    )
    select
        this_database.datname                                               as datname,
        i.indexrelid                                                        as indexrelid,
        i.indrelid                                                          as relid,
        n.nspname::text                                                     as schemaname,
        t.relname::text                                                     as relname,
        x.relname::text                                                     as indexrelname,
        pg_catalog.pg_stat_get_numscans(i.indexrelid)                       as idx_scan,
        pg_catalog.pg_stat_get_tuples_returned(i.indexrelid)                as idx_tup_read,
        pg_catalog.pg_stat_get_tuples_fetched(i.indexrelid)                 as idx_tup_fetch,
        {last_idx_scan}                                                    as last_idx_scan_seconds,
        x.relpages * this_database.block_size                               as size_bytes,
        pg_catalog.pg_stat_get_tuples_inserted(i.indrelid)
            + pg_catalog.pg_stat_get_tuples_updated(i.indrelid)
            + pg_catalog.pg_stat_get_tuples_deleted(i.indrelid)             as table_writes,
        i.indisunique                                                       as is_unique,
        i.indisprimary                                                      as is_primary,
        i.indisexclusion                                                    as is_exclusion,
        i.indisvalid                                                        as is_valid,
        i.indisready                                                        as is_ready,
        i.indisclustered                                                    as is_clustered,
        i.indisreplident                                                    as is_replica_identity,
        i.indexprs is not null                                              as has_expression,
        i.indpred is not null                                               as has_predicate,
        i.indexrelid in (
            select conindid from pg_catalog.pg_constraint where contype in ('p', 'u', 'x')
        )                                                                   as backs_constraint,
        i.indrelid in (
            select objid from pg_catalog.pg_depend
            where refclassid = 'pg_catalog.pg_extension'::regclass
                and classid = 'pg_catalog.pg_class'::regclass and deptype = 'e'
        )                                                                   as is_of_extension,
        f.indexrelid is not null                                            as supports_fk,
        f.parent_deletes                                                    as parent_deletes,
        r.oid                                                               as root_indexrelid,
        r.nspname::text                                                     as root_schemaname,
        r.relname::text                                                     as root_indexrelname,
        r.tablename::text                                                   as root_relname,
        this_database.stats_reset                                           as stats_reset,
        pg_catalog.pg_stat_get_blocks_fetched(i.indexrelid)
            - pg_catalog.pg_stat_get_blocks_hit(i.indexrelid)               as idx_blks_read,
        pg_catalog.pg_stat_get_blocks_hit(i.indexrelid)                     as idx_blks_hit,
        am.amname::text                                                     as amname,
        x.relfilenode                                                       as relfilenode,
        x.reltuples::float8                                                 as reltuples,
        hashtext(concat_ws('/', i.indkey, i.indclass, i.indcollation, i.indoption,
            i.indexprs, i.indpred, x.relam))                                as definition
    from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_am am on am.oid = x.relam
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    cross join this_database
    left join (
        select
            k.indexrelid,
            case when count(*) = 1 then
                sum(pg_catalog.pg_stat_get_tuples_deleted(confrelid))::int8
            end                                                             as parent_deletes
        from pg_catalog.pg_constraint
        join pg_catalog.pg_index k
            on k.indrelid = conrelid
            and (k.indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
        where contype = 'f'
        group by k.indexrelid
    ) f on f.indexrelid = i.indexrelid
    left join partition_root r on r.oid = case
        when x.relispartition then pg_catalog.pg_partition_root(i.indexrelid)
    end
    where x.relkind = 'i'
        and t.relkind in ('r', 'm')
        and t.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_toast'
        and i.indrelid {asked}
        and t.oid {asked}
"""
LAST_SCAN = """date_part(
            'epoch', clock_timestamp() - pg_catalog.pg_stat_get_lastscan(i.indexrelid)
        )"""


@dataclass(frozen=True, slots=True)
class UserIndex:
    """One index of a table, leaf partition or materialised view."""

    datname: str
    indexrelid: int
    relid: int
    schemaname: str
    relname: str
    indexrelname: str
    idx_scan: int
    idx_tup_read: int
    idx_tup_fetch: int
    last_idx_scan_seconds: float | None
    """Seconds since the last scan; None if there was none, and before 16."""
    size_bytes: int
    """At the last vacuum or analyze."""
    table_writes: int
    """Rows inserted, updated and deleted in its table."""
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_valid: bool
    is_ready: bool
    is_clustered: bool
    is_replica_identity: bool
    has_expression: bool
    has_predicate: bool
    backs_constraint: bool
    is_of_extension: bool
    supports_fk: bool
    parent_deletes: int | None
    """Rows deleted from the table that its foreign key references; None without a single key."""
    root_indexrelid: int | None
    """The index of the partitioned table that it belongs to, and that table."""
    root_schemaname: str | None
    root_indexrelname: str | None
    root_relname: str | None
    stats_reset: float | None
    """The earliest start of the counters; it changes when a crash resets them."""
    idx_blks_read: int | None = None
    """Blocks not found in shared buffers."""
    idx_blks_hit: int | None = None
    amname: str = "btree"
    relfilenode: int = 0
    """Another one after a REINDEX."""
    reltuples: float = -1
    """Entries at the last vacuum or analyze; -1 where there was none."""
    definition: int = 0
    """A hash of what it indexes, and how: the same after REINDEX CONCURRENTLY, which changes the
    oid."""


LABELS = ("datname", "schemaname", "relname", "indexrelname")
DATNAME = "With datname, because the indexes of all databases are served."

scans: Metric[UserIndex] = counter(
    "pg_stat_user_indexes_idx_scan_total",
    "Scans of this index.",
    "idx_scan",
    LABELS,
)
read: Metric[UserIndex] = counter(
    "pg_stat_user_indexes_idx_tup_read_total",
    "Index entries returned by scans of this index.",
    "idx_tup_read",
    LABELS,
)
fetched: Metric[UserIndex] = counter(
    "pg_stat_user_indexes_idx_tup_fetch_total",
    "Live rows fetched by simple scans of this index.",
    "idx_tup_fetch",
    LABELS,
)
size: Metric[UserIndex] = gauge(
    "pg_stat_user_indexes_size_bytes",
    "Size at the last vacuum or analyze.",
    "size_bytes",
    LABELS,
    additive=True,
)

user_indexes = Collector(
    row=UserIndex,
    lane=Lane.table,
    sql={
        140000: QUERY.replace("{last_idx_scan}", "null::float8"),
        160000: QUERY.replace("{last_idx_scan}", LAST_SCAN),
    },
    scope=Scope.database,
    key=("datname", "indexrelid"),
    counters=("idx_scan", "idx_tup_read", "idx_tup_fetch"),
    epoch="stats_reset",
    bulk=True,
    bound=Bound(
        rank="size_bytes",
        top=400,
        whole={
            "indexrelid": "root_indexrelid",
            "schemaname": "root_schemaname",
            "relname": "root_relname",
            "indexrelname": "root_indexrelname",
        },
    ),
    metrics=(
        scans,
        scans.also("pg_stat_user_indexes_idx_scan"),
        read,
        read.also("pg_stat_user_indexes_idx_tup_read"),
        fetched,
        fetched.also("pg_stat_user_indexes_idx_tup_fetch"),
        size,
        size.also("pg_general_index_info_pg_relation_size"),
        counter(
            "pg_statio_user_indexes_idx_blks_read_total",
            "Blocks of the index that were not in shared buffers.",
            "idx_blks_read",
            LABELS,
            DATNAME,
        ),
        counter(
            "pg_statio_user_indexes_idx_blks_hit_total",
            "Blocks of the index found in shared buffers.",
            "idx_blks_hit",
            LABELS,
            DATNAME,
        ),
    ),
)
