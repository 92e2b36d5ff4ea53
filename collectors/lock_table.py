"""pg_locks: use of the shared lock table and of the fast path, by session."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# Fast-path locks and predicate locks are stored elsewhere. Each worker of a parallel query has its
# own locks. Sessions without locks in the table, and our own, have no row.
QUERY = """
    select
        l.pid                                                           as pid,
        {datname}                                                       as datname,
        {usename}                                                       as usename,
        a.application_name                                              as application_name,
        a.state                                                         as state,
        a.query_id                                                      as query_id,
        a.query                                                         as query,
        a.backend_start::text                                           as backend_start_text,
        a.xact_start::text                                              as xact_start_text,
        l.locks                                                         as locks,
        l.overflowed                                                    as overflowed
    from (
        select
            pid,
            count(*) filter (where locktype not in ('virtualxid', 'transactionid')) as locks,
            count(*) filter (
                where locktype = 'relation' and granted
                    and mode in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
            )                                                           as overflowed
        from pg_catalog.pg_locks
        where not fastpath and mode <> 'SIReadLock' and pid is distinct from pg_backend_pid()
        group by pid
    ) l
    left join {sessions} a on a.pid = l.pid
    where l.locks > 0
"""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Locks of one session in the shared lock table; all prepared transactions are one row."""

    pid: int | None
    datname: str | None
    usename: str | None
    application_name: str | None
    state: str | None
    query_id: int | None
    query: str | None
    backend_start_text: str | None
    xact_start_text: str | None
    locks: int
    """Held or awaited locks, except those on transactions."""
    overflowed: int
    """Relation locks for which there was no free fast-path slot."""


def total(rows: Sequence[LockHolder]) -> Iterator[Sample]:
    yield (), sum(row.locks for row in rows)


lock_table = Collector(
    row=LockHolder,
    lane=Lane.normal,
    sql={140000: without_tables(QUERY)},
    key=("pid",),
    needs=(READ_ALL_STATS,),
    metrics=(Metric("pg_lock_table_locks", "gauge", "Locks in the shared lock table.", (), total),),
)
