"""pg_stat_progress_create_index: index builds, and the session that each waits for."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

QUERY = """
    select
        current_database()::text                                            as datname,
        p.pid                                                               as pid,
        p.relid                                                             as relid,
        n.nspname::text                                                     as schemaname,
        coalesce(c.relname::text, p.relid::text)                            as relname,
        x.relname::text                                                     as indexrelname,
        p.command                                                           as command,
        p.phase                                                             as phase,
        p.blocks_done                                                       as blocks_done,
        nullif(p.blocks_total, 0)                                           as blocks,
        p.tuples_done                                                       as tuples_done,
        nullif(p.tuples_total, 0)                                           as tuples,
        p.lockers_done                                                      as lockers_done,
        nullif(p.lockers_total, 0)                                          as lockers,
        nullif(p.current_locker_pid, 0)::int4                               as locker_pid,
        extract(epoch from clock_timestamp() - a.query_start)::float8       as running_seconds,
        (
            select extract(epoch from clock_timestamp() - min(l.waitstart))::float8
            from pg_catalog.pg_locks l
            where l.pid = p.pid and not l.granted
        )                                                                   as waiting_seconds
    from pg_catalog.pg_stat_progress_create_index p
    left join {sessions} a on a.pid = p.pid
    left join pg_catalog.pg_class c on c.oid = p.relid
    left join pg_catalog.pg_class x on x.oid = p.index_relid
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where p.datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class IndexBuild:
    datname: str
    pid: int
    relid: int
    schemaname: str | None
    relname: str
    indexrelname: str | None
    """None until the index is in the catalogue."""
    command: str
    """CREATE INDEX, REINDEX, or one of them CONCURRENTLY."""
    phase: str
    blocks_done: int
    blocks: int | None
    """None, like the next two: unknown, or not counted in this phase."""
    tuples_done: int
    tuples: int | None
    lockers_done: int
    lockers: int | None
    locker_pid: int | None
    """The session that it waits for; None also of a prepared transaction."""
    running_seconds: float | None
    waiting_seconds: float | None
    """Since it waits for this session; None while it does not wait."""


index_builds = Collector(
    row=IndexBuild,
    lane=Lane.table,
    sql={140000: without_tables(QUERY)},
    scope=Scope.database,
    key=("datname", "pid"),
    needs=(READ_ALL_STATS,),
)
