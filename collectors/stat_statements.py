"""pg_stat_statements: cost of statements by user, database and query id, without texts."""

from dataclasses import dataclass, replace
from math import sqrt

from collectors._base import Bound, Collector, Lane, Metric, counter, gauge
from collectors._capabilities import READ_ALL_STATS

# Without texts, the file that contains them is not read. A statement may have two rows: executed
# by a client, and inside a function. Only columns of the extension of PostgreSQL 14: after an
# upgrade of the server the extension keeps its version until ALTER EXTENSION ... UPDATE.
QUERY = """
    select
        s.userid                                            as userid,
        s.dbid                                              as dbid,
        s.queryid                                           as query_id,
        pg_get_userbyid(s.userid)::text                     as usename,
        d.datname::text                                     as datname,
        sum(s.calls)::int8                                  as calls,
        sum(s.total_exec_time) / 1000                       as seconds,
        min(s.min_exec_time) / 1000                         as min_seconds,
        max(s.max_exec_time) / 1000                         as max_seconds,
        sum(s.calls * (s.stddev_exec_time ^ 2 + s.mean_exec_time ^ 2)) / 1e6
                                                            as square_seconds,
        sum(s.total_plan_time) / 1000                       as plan_seconds,
        sum(s.rows)::int8                                   as rows,
        sum(s.shared_blks_hit)::int8                        as shared_blocks_hit,
        sum(s.shared_blks_read)::int8                       as shared_blocks_read,
        sum(s.shared_blks_dirtied)::int8                    as shared_blocks_dirtied,
        sum(s.shared_blks_written)::int8                    as shared_blocks_written,
        sum(s.local_blks_hit)::int8                         as local_blocks_hit,
        sum(s.local_blks_read)::int8                        as local_blocks_read,
        sum(s.local_blks_dirtied)::int8                     as local_blocks_dirtied,
        sum(s.local_blks_written)::int8                     as local_blocks_written,
        sum(s.temp_blks_read)::int8                         as temp_blocks_read,
        sum(s.temp_blks_written)::int8                      as temp_blocks_written,
        sum(s.wal_bytes)::int8                              as wal_bytes,
        sum(s.{shared}blk_read_time) / 1000                 as block_read_seconds,
        sum(s.{shared}blk_write_time) / 1000                as block_write_seconds,
        (select extract(epoch from stats_reset)::float8 from {{schema}}.pg_stat_statements_info)
                                                            as stats_reset,
        sum(s.plans)::int8                                  as plans,
        sum(s.wal_records)::int8                            as wal_records,
        sum(s.wal_fpi)::int8                                as wal_fpi,
        count(*)::int4                                      as entries,
        -- Sums of bigint are numeric, which is slow: float8 is exact up to 2^53.
        coalesce(sum(s.calls::float8) filter (where not s.toplevel), 0)::int8
                                                            as nested_calls,
        coalesce(sum(s.total_exec_time) filter (where not s.toplevel), 0) / 1000
                                                            as nested_seconds,
        sum(later.jit_functions::float8)::int8              as jit_functions,
        sum(later.jit_milliseconds) / 1000                  as jit_seconds,
        sum(later.workers_planned::float8)::int8            as workers_planned,
        sum(later.workers_launched::float8)::int8           as workers_launched,
        extract(epoch from max(later.stats_since))::float8  as stats_since
    from (
        -- What older versions of the extension lack is null: a name that is no column of `entry`
        -- below is taken from here.
        select
            null::int8 as jit_functions,
            null::float8 as jit_generation_time,
            null::float8 as jit_inlining_time,
            null::float8 as jit_optimization_time,
            null::float8 as jit_emission_time,
            null::int8 as parallel_workers_to_launch,
            null::int8 as parallel_workers_launched,
            null::timestamptz as stats_since
    ) absent
    cross join {{schema}}.pg_stat_statements(false) s
    cross join lateral (
        select
            jit_functions,
            jit_generation_time + jit_inlining_time + jit_optimization_time + jit_emission_time
                as jit_milliseconds,
            parallel_workers_to_launch as workers_planned,
            parallel_workers_launched as workers_launched,
            stats_since
        from (select s.*) entry
    ) later
    left join pg_catalog.pg_database d on d.oid = s.dbid
    where s.queryid is not null
    group by s.userid, s.dbid, s.queryid, d.datname
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A normalised statement of one user in one database, since the statistics were reset."""

    userid: int
    dbid: int
    query_id: int
    usename: str
    datname: str | None
    """None if the database was dropped."""
    calls: int
    seconds: float
    """Executing."""
    min_seconds: float
    max_seconds: float
    square_seconds: float
    """Sum of the squared execution times; unlike the standard deviation, it can be added."""
    plan_seconds: float
    """0 while pg_stat_statements.track_planning is off."""
    rows: int
    shared_blocks_hit: int
    shared_blocks_read: int
    shared_blocks_dirtied: int
    shared_blocks_written: int
    local_blocks_hit: int
    """Local blocks are those of temporary tables."""
    local_blocks_read: int
    local_blocks_dirtied: int
    local_blocks_written: int
    temp_blocks_read: int
    temp_blocks_written: int
    wal_bytes: int
    block_read_seconds: float
    """0 while track_io_timing is off."""
    block_write_seconds: float
    stats_reset: float | None
    """Unix seconds."""
    plans: int = 0
    """How often it was planned; 0 while pg_stat_statements.track_planning is off."""
    wal_records: int = 0
    wal_fpi: int = 0
    """Full page images in WAL."""
    entries: int = 1
    """2 where it was executed by a client and inside a function: each can be evicted alone."""
    nested_calls: int = 0
    """Executions inside a function, which are part of the caller's time too."""
    nested_seconds: float = 0.0
    jit_functions: int | None = None
    """None before version 1.10 of the extension."""
    jit_seconds: float | None = None
    """Spent compiling; None before version 1.10."""
    workers_planned: int | None = None
    """Parallel workers that its plans asked for; None before version 1.12."""
    workers_launched: int | None = None
    stats_since: float | None = None
    """Unix seconds of its newest entry; None before version 1.11."""

    @property
    def user(self) -> str:
        return self.usename

    @property
    def rolname(self) -> str:
        return self.usename

    @property
    def queryid(self) -> str:
        return str(self.query_id)

    @property
    def temp_blocks(self) -> int:
        return self.temp_blocks_read + self.temp_blocks_written

    @property
    def mean_seconds(self) -> float | None:
        return self.seconds / self.calls if self.calls else None

    @property
    def stddev_seconds(self) -> float | None:
        """Population standard deviation; None if nothing was executed."""
        mean = self.mean_seconds
        return None if mean is None else sqrt(max(0.0, self.square_seconds / self.calls - mean**2))


PREFIX = "pg_stat_statements_"
LABELS = ("user", "datname", "queryid")
OLD_LABELS = ("user", "rolname", "datname", "queryid")
STICKY = (
    "Only the top statements have their own series; the others are summed as `other`, without what"
    " evicted entries had counted since the last query: on servers with many different statements"
    " the sum may be some percent too low."
)


def total(column: str, text: str, note: str = "") -> Metric[Statement]:
    return counter(f"{PREFIX}{column}_total", text, column, LABELS, note)


def old(name: str, of: Metric[Statement], part: str = "") -> Metric[Statement]:
    """Name of older user queries, with the label `rolname` or `user`."""
    made = counter if of.type == "counter" else gauge
    column = part or of.column or ""
    metric: Metric[Statement] = made(PREFIX + name, of.help, column, OLD_LABELS)
    note = f"{'A part' if part else 'Old name'} of `{of.name}`."
    return replace(metric, legacy=True, note=note)


def each(name: str, text: str, column: str) -> Metric[Statement]:
    """Metric that can't be summed, so there is no `other`."""
    metric: Metric[Statement] = gauge(PREFIX + name, text, column, OLD_LABELS)
    return replace(metric, legacy=True, note="From common user queries.")


def local(what: str) -> Metric[Statement]:
    """Blocks of temporary tables, with the names of older user queries."""
    text, column = f"Blocks of temporary tables {what}.", f"local_blocks_{what}"
    metric: Metric[Statement] = counter(f"{PREFIX}local_blks_{what}", text, column, OLD_LABELS)
    return replace(metric, legacy=True, note="From common user queries.")


calls = total("calls", "Executions.", STICKY)
seconds = total("seconds", "Time spent executing.", STICKY)
rows = total("rows", "Rows returned or changed.", STICKY)
read_seconds = total("block_read_seconds", "Time spent reading blocks.", STICKY)
write_seconds = total("block_write_seconds", "Time spent writing blocks.", STICKY)
hit = total("shared_blocks_hit", "Blocks found in shared buffers.")
read = total("shared_blocks_read", "Blocks that were not in shared buffers.")
dirtied = total("shared_blocks_dirtied", "Blocks dirtied by this statement.")
written = total(
    "shared_blocks_written", "Blocks that the statement itself had to write, to free buffers."
)
temp = total("temp_blocks", "Blocks read and written in temporary files.")
longest: Metric[Statement] = gauge(
    PREFIX + "max_seconds", "The longest execution.", "max_seconds", LABELS
)

stat_statements = Collector(
    row=Statement,
    lane=Lane.table,
    sql={140000: QUERY.format(shared=""), 170000: QUERY.format(shared="shared_")},
    extension_versions={140000: "1.9", 170000: "1.11"},
    key=("userid", "dbid", "query_id"),
    counters=("calls", "seconds", "rows"),
    epoch="stats_reset",
    needs=(READ_ALL_STATS,),
    extension="pg_stat_statements",
    packed=True,
    bound=Bound(rank="seconds", top=100, within=""),  # of the whole server
    metrics=(
        calls,
        old("calls", calls),
        seconds,
        old("total_time_seconds", seconds),
        rows,
        old("rows", rows),
        read_seconds,
        old("blk_read_time_seconds", read_seconds),
        write_seconds,
        old("blk_write_time_seconds", write_seconds),
        total("plan_seconds", "Time spent planning; 0 while track_planning is off."),
        longest,
        old("max_time_seconds", longest),
        each("min_time_seconds", "The shortest execution.", "min_seconds"),
        each("mean_time_seconds", "Mean time of an execution.", "mean_seconds"),
        each("stddev_time_seconds", "Standard deviation of execution times.", "stddev_seconds"),
        hit,
        old("shared_blks_hit", hit),
        read,
        old("shared_blks_read", read),
        dirtied,
        old("shared_blks_dirtied", dirtied),
        written,
        old("shared_blks_written", written),
        *(local(what) for what in ("hit", "read", "dirtied", "written")),
        temp,
        old("temp_blks_read", temp, "temp_blocks_read"),
        old("temp_blks_written", temp, "temp_blocks_written"),
        total("wal_bytes", "Bytes of WAL."),
    ),
)
