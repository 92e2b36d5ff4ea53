"""pg_stat_user_tables and pg_statio_user_tables: activity and size of each table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from collectors._base import Bound, Collector, Lane, Metric, Scope, counter, gauge

# The view groups by table on every call, so it is not used. The size functions would wait for DDL,
# so sizes are those of the last vacuum or analyze. Temporary tables are omitted.
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
        select p.oid, n.nspname, p.relname
        from pg_catalog.pg_partitioned_table
        join pg_catalog.pg_class p on p.oid = partrelid and not p.relispartition
        join pg_catalog.pg_namespace n on n.oid = p.relnamespace
    )
    select
        this_database.datname                                               as datname,
        c.oid                                                               as relid,
        n.nspname::text                                                     as schemaname,
        c.relname::text                                                     as relname,
        c.relkind::text                                                     as relkind,
        c.relpages                                                          as relpages,
        c.reltuples::float8                                                 as reltuples,
        coalesce(c.reloptions, '{}')                                        as reloptions,
        pg_catalog.pg_stat_get_numscans(c.oid)                              as seq_scan,
        pg_catalog.pg_stat_get_tuples_returned(c.oid)                       as seq_tup_read,
        coalesce(i.scans, 0)::int8                                          as idx_scan,
        coalesce(i.fetched, 0)::int8 + pg_catalog.pg_stat_get_tuples_fetched(c.oid)
                                                                            as idx_tup_fetch,
        pg_catalog.pg_stat_get_tuples_inserted(c.oid)                       as n_tup_ins,
        pg_catalog.pg_stat_get_tuples_updated(c.oid)                        as n_tup_upd,
        pg_catalog.pg_stat_get_tuples_deleted(c.oid)                        as n_tup_del,
        pg_catalog.pg_stat_get_tuples_hot_updated(c.oid)                    as n_tup_hot_upd,
        pg_catalog.pg_stat_get_live_tuples(c.oid)                           as n_live_tup,
        pg_catalog.pg_stat_get_dead_tuples(c.oid)                           as n_dead_tup,
        pg_catalog.pg_stat_get_mod_since_analyze(c.oid)                     as n_mod_since_analyze,
        date_part('epoch', pg_catalog.pg_stat_get_last_vacuum_time(c.oid))
                                                                            as last_vacuum,
        date_part('epoch', pg_catalog.pg_stat_get_last_autovacuum_time(c.oid))
                                                                            as last_autovacuum,
        date_part('epoch', pg_catalog.pg_stat_get_last_analyze_time(c.oid))
                                                                            as last_analyze,
        date_part('epoch', pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid))
                                                                            as last_autoanalyze,
        pg_catalog.pg_stat_get_vacuum_count(c.oid)                          as vacuum_count,
        pg_catalog.pg_stat_get_autovacuum_count(c.oid)                      as autovacuum_count,
        pg_catalog.pg_stat_get_analyze_count(c.oid)                         as analyze_count,
        pg_catalog.pg_stat_get_autoanalyze_count(c.oid)                     as autoanalyze_count,
        case when c.reltuples >= 0 or c.relpages > 0 then
            (c.relpages + coalesce(t.relpages, 0)) * this_database.block_size
        end                                                                 as table_size_bytes,
        coalesce(i.relpages, 0) * this_database.block_size                  as index_size_bytes,
        this_database.stats_reset                                           as stats_reset,
        pg_catalog.pg_stat_get_blocks_fetched(c.oid) - pg_catalog.pg_stat_get_blocks_hit(c.oid)
                                                                            as heap_blocks_read,
        pg_catalog.pg_stat_get_blocks_hit(c.oid)                            as heap_blocks_hit,
        coalesce(i.blocks_fetched - i.blocks_hit, 0)::int8                  as idx_blocks_read,
        coalesce(i.blocks_hit, 0)::int8                                     as idx_blocks_hit,
        pg_catalog.pg_stat_get_blocks_fetched(t.oid) - pg_catalog.pg_stat_get_blocks_hit(t.oid)
                                                                            as toast_blocks_read,
        pg_catalog.pg_stat_get_blocks_hit(t.oid)                            as toast_blocks_hit,
        pg_catalog.pg_stat_get_blocks_fetched(ti.indexrelid)
            - pg_catalog.pg_stat_get_blocks_hit(ti.indexrelid)              as tidx_blocks_read,
        pg_catalog.pg_stat_get_blocks_hit(ti.indexrelid)                    as tidx_blocks_hit,
        partition_root.oid                                                  as root_relid,
        partition_root.nspname::text                                        as root_schemaname,
        partition_root.relname::text                                        as root_relname,
        c.relpersistence::text                                              as relpersistence,
        c.relhastriggers                                                    as has_triggers,
        c.relfilenode                                                       as relfilenode,
        c.relallvisible                                                     as relallvisible,
        {relallfrozen}                                                      as relallfrozen,
        pg_catalog.pg_stat_get_ins_since_vacuum(c.oid)                      as n_ins_since_vacuum,
        case when c.relfrozenxid <> '0' then age(c.relfrozenxid) end        as xid_age,
        case when c.relminmxid <> '0' then mxid_age(c.relminmxid) end       as mxid_age,
        t.oid                                                               as toast_relid,
        t.relpages                                                          as toast_relpages,
        t.reltuples::float8                                                 as toast_reltuples,
        t.reloptions                                                        as toast_reloptions,
        age(t.relfrozenxid)                                                 as toast_xid_age,
        mxid_age(t.relminmxid)                                              as toast_mxid_age,
        pg_catalog.pg_stat_get_dead_tuples(t.oid)                           as toast_n_dead_tup,
        case
            when pg_catalog.pg_stat_get_ins_since_vacuum(t.oid)
                = pg_catalog.pg_stat_get_tuples_inserted(t.oid)
                then greatest(
                    pg_catalog.pg_stat_get_ins_since_vacuum(t.oid) - greatest(t.reltuples, 0), 0
                )::int8
            else pg_catalog.pg_stat_get_ins_since_vacuum(t.oid)
        end                                                                 as toast_n_ins
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join this_database
    left join pg_catalog.pg_class t on t.oid = c.reltoastrelid and t.relkind = 't'
    left join pg_catalog.pg_index ti on ti.indrelid = t.oid and ti.indisvalid
    left join (
        select
            indrelid,
            sum(x.relpages)                                                 as relpages,
            sum(pg_catalog.pg_stat_get_numscans(indexrelid)::float8)        as scans,
            sum(pg_catalog.pg_stat_get_tuples_fetched(indexrelid)::float8)  as fetched,
            sum(pg_catalog.pg_stat_get_blocks_fetched(indexrelid)::float8)  as blocks_fetched,
            sum(pg_catalog.pg_stat_get_blocks_hit(indexrelid)::float8)      as blocks_hit
        from pg_catalog.pg_index join pg_catalog.pg_class x on x.oid = indexrelid
        where indrelid {asked}
        group by indrelid
    ) i on i.indrelid = c.oid
    left join partition_root on partition_root.oid = case
        when c.relispartition then pg_catalog.pg_partition_root(c.oid)
    end
    where c.relkind in ('r', 'm', 'p')
        and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_toast'
        and c.oid {asked}
"""


@dataclass(frozen=True, slots=True)
class UserTable:
    """A table, partition, partitioned parent or materialised view; times are unix seconds."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    relkind: str
    relpages: int
    reltuples: float
    """Live rows at the last vacuum or analyze; -1 if there was none."""
    reloptions: list[str]
    """As `name=value`."""
    seq_scan: int
    seq_tup_read: int
    idx_scan: int
    idx_tup_fetch: int
    n_tup_ins: int
    n_tup_upd: int
    n_tup_del: int
    n_tup_hot_upd: int
    n_live_tup: int
    n_dead_tup: int
    n_mod_since_analyze: int
    last_vacuum: float | None
    last_autovacuum: float | None
    last_analyze: float | None
    last_autoanalyze: float | None
    vacuum_count: int
    autovacuum_count: int
    analyze_count: int
    autoanalyze_count: int
    table_size_bytes: int | None
    """With TOAST, at the last vacuum or analyze; None if there was none."""
    index_size_bytes: int
    stats_reset: float | None
    """The earliest start of the counters; it changes when a crash resets them."""
    heap_blocks_read: int | None = None
    """Blocks not found in shared buffers."""
    heap_blocks_hit: int | None = None
    idx_blocks_read: int | None = None
    idx_blocks_hit: int | None = None
    toast_blocks_read: int | None = None
    """None, as are the next three, if there is no TOAST table."""
    toast_blocks_hit: int | None = None
    tidx_blocks_read: int | None = None
    """Blocks of the index of its TOAST table."""
    tidx_blocks_hit: int | None = None
    root_relid: int | None = None
    """The topmost partitioned table that it belongs to."""
    root_schemaname: str | None = None
    root_relname: str | None = None
    relpersistence: str = "p"
    """`u` is unlogged."""
    relfilenode: int = 0
    """Another one after a rewrite; 0 where there is no file of its own."""
    relallvisible: int = 0
    """Pages that an index-only scan need not look at, at the last vacuum."""
    n_ins_since_vacuum: int = 0
    xid_age: int | None = None
    """Transactions since the oldest row that is not frozen; None of a partitioned parent."""
    mxid_age: int | None = None
    toast_relid: int | None = None
    """None where there is no TOAST table; so are the seven below."""
    toast_relpages: int | None = None
    toast_reltuples: float | None = None
    toast_reloptions: Sequence[str] | None = None
    """None also where none are set."""
    toast_xid_age: int | None = None
    toast_mxid_age: int | None = None
    toast_n_dead_tup: int | None = None
    toast_n_ins: int | None = None
    """Since its last vacuum, without what a session loaded before it and counted after it."""
    relallfrozen: int | None = None
    """Pages with nothing left to freeze, at the last vacuum; None before 18."""
    has_triggers: bool = True
    """Or had once; also those by which PostgreSQL keeps foreign keys, on both of their tables."""

    @property
    def analyzed(self) -> float | None:
        """Unix seconds of the last ANALYZE, manual or automatic."""
        return max(filter(None, (self.last_analyze, self.last_autoanalyze)), default=None)

    @property
    def unfrozen(self) -> float:
        """Share of its pages that a vacuum may still have to freeze; 1 where it is not known."""
        if not self.relallfrozen or self.relpages <= 0:
            return 1.0
        return 1 - min(self.relallfrozen, self.relpages) / self.relpages

    @property
    def total_bytes(self) -> int:
        return (self.table_size_bytes or 0) + self.index_size_bytes

    @property
    def size_bytes(self) -> int | None:
        return None if self.table_size_bytes is None else self.total_bytes


PREFIX = "pg_stat_user_tables_"
LABELS = ("datname", "schemaname", "relname")
SIZES = "From pg_class.relpages, as reading file sizes can wait for locks; absent before a vacuum."
NO_TOAST = "Absent, not 0, if a table has no TOAST."


def count(column: str, meaning: str) -> Metric[UserTable]:
    return counter(PREFIX + column, meaning, column, LABELS)


def blocks(column: str, meaning: str, note: str = "") -> Metric[UserTable]:
    return counter(f"pg_statio_user_tables_{column}", meaning, column, LABELS, note)


def number(column: str, meaning: str, note: str = "") -> Metric[UserTable]:
    return gauge(PREFIX + column, meaning, column, LABELS, additive=True, note=note)


def moment(column: str, meaning: str) -> Metric[UserTable]:
    """Unix seconds; 0 means never, as existing rules expect."""
    return gauge(PREFIX + column, meaning, lambda row: getattr(row, column) or 0.0, LABELS)


size = number("size_bytes", "Size of both at the last vacuum or analyze.", SIZES)
heap_read = blocks("heap_blocks_read", "Blocks of the table that were not in shared buffers.")
heap_hit = blocks("heap_blocks_hit", "Blocks of the table found in shared buffers.")
idx_read = blocks("idx_blocks_read", "Blocks of its indexes that were not in shared buffers.")
idx_hit = blocks("idx_blocks_hit", "Blocks of its indexes found in shared buffers.")

user_tables = Collector(
    row=UserTable,
    lane=Lane.table,
    sql={
        140000: QUERY.replace("{relallfrozen}", "null::int4"),
        180000: QUERY.replace("{relallfrozen}", "c.relallfrozen"),
    },
    scope=Scope.database,
    key=("datname", "relid"),
    counters=("n_tup_ins", "n_tup_upd", "n_tup_del"),
    epoch="stats_reset",
    bulk=True,
    bound=Bound(
        rank="total_bytes",
        top=300,
        whole={
            "relid": "root_relid",
            "schemaname": "root_schemaname",
            "relname": "root_relname",
        },
    ),
    metrics=(
        count("seq_scan", "Sequential scans."),
        count("seq_tup_read", "Rows read by sequential scans."),
        count("idx_scan", "Index scans."),
        count("idx_tup_fetch", "Rows fetched by index scans."),
        count("n_tup_ins", "Rows inserted."),
        count("n_tup_upd", "Rows updated."),
        count("n_tup_del", "Rows deleted."),
        count("n_tup_hot_upd", "Rows updated without updating an index (HOT)."),
        number("n_live_tup", "Live rows, estimated."),
        number("n_dead_tup", "Dead rows that vacuum has not removed yet, estimated."),
        number("n_mod_since_analyze", "Rows changed since the last ANALYZE, estimated."),
        moment("last_vacuum", "Unix time of the last VACUUM run manually; 0 if never."),
        moment("last_autovacuum", "Unix time of the last autovacuum; 0 if never."),
        moment("last_analyze", "Unix time of the last ANALYZE run manually; 0 if never."),
        moment("last_autoanalyze", "Unix time of the last autoanalyze; 0 if never."),
        count("vacuum_count", "Manual vacuums."),
        count("autovacuum_count", "Autovacuums."),
        count("analyze_count", "Manual analyzes."),
        count("autoanalyze_count", "Autoanalyzes."),
        number("table_size_bytes", "Size with TOAST at the last vacuum or analyze.", SIZES),
        number("index_size_bytes", "Size of its indexes at the last vacuum or analyze.", SIZES),
        size,
        replace(
            size.also("pg_total_relation_size_bytes"), note=f"From common user queries. {SIZES}"
        ),
        heap_read,
        heap_read.also("pg_statio_user_tables_heap_blks_read"),
        heap_hit,
        heap_hit.also("pg_statio_user_tables_heap_blks_hit"),
        idx_read,
        idx_read.also("pg_statio_user_tables_idx_blks_read"),
        idx_hit,
        idx_hit.also("pg_statio_user_tables_idx_blks_hit"),
        blocks("toast_blocks_read", "Blocks of TOAST that were not in shared buffers.", NO_TOAST),
        blocks("toast_blocks_hit", "Blocks of TOAST found in shared buffers.", NO_TOAST),
        blocks("tidx_blocks_read", "Blocks of TOAST's index not in shared buffers.", NO_TOAST),
        blocks("tidx_blocks_hit", "Blocks of TOAST's index found in shared buffers.", NO_TOAST),
    ),
)
