"""pg_locks, by session: who fills the shared lock table, and who has outgrown the fast path."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample
from collectors._capabilities import READ_ALL_STATS

# Locks of the fast path and predicate locks have places of their own. Of a parallel query each
# worker has its own locks. A session without locks in the table is no row, nor is ours.
QUERY = """
    select
        l.pid                                                           as pid,
        a.datname::text                                                 as datname,
        a.usename::text                                                 as usename,
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
    left join pg_catalog.pg_stat_activity a on a.pid = l.pid
    where l.locks > 0
"""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """What one session has in the shared lock table; all prepared transactions are one row."""

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
    """Held or waited for, on whatever but transactions."""
    overflowed: int
    """Relation locks for which there was no slot of its own left."""


def total(rows: Sequence[LockHolder]) -> Iterator[Sample]:
    yield (), sum(row.locks for row in rows)


lock_table = Collector(
    row=LockHolder,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("pid",),
    needs=(READ_ALL_STATS,),
    metrics=(Metric("pg_lock_table_locks", "gauge", "Locks in the shared lock table.", (), total),),
)
