"""pg_locks: who waits for a lock, and everything that explains why."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectors._base import Collector, Gate, Lane
from collectors.activity import Session, activity

# One look at the lock table, then only what matters: each contested lock with all its holders and
# waiters, and the rows that these sessions have locked, which tell what a wait for a transaction is
# about. A hash stands for the ten columns that identify a lock, as equality of columns that may be
# null can't be hashed. Predicate locks never wait. The clock is read once: waits keep their order.
QUERY = """
    with snapshot as materialized (
        select *,
            pg_catalog.hash_record_extended(row(
                locktype, database, relation, page, tuple,
                virtualxid, transactionid, classid, objid, objsubid
            ), 0) as tag
        from pg_catalog.pg_locks
        where mode <> 'SIReadLock'
    ), contested as materialized (
        select tag, virtualtransaction
        from snapshot
        where tag in (select tag from snapshot where not granted)
    ), prepared as (
        select s.virtualtransaction, p.gid
        from pg_catalog.pg_prepared_xacts p
        join snapshot s on s.pid is null and s.transactionid = p.transaction
    )
    select
        l.pid                                                           as pid,
        a.leader_pid                                                    as leader_pid,
        p.gid                                                           as gid,
        l.virtualtransaction                                            as virtualtransaction,
        l.locktype                                                      as locktype,
        l.mode                                                          as mode,
        l.granted                                                       as granted,
        l.fastpath                                                      as fastpath,
        extract(epoch from (select clock_timestamp()) - l.waitstart)::float8 as waited_seconds,
        l.database                                                      as database,
        d.datname::text                                                 as datname,
        l.relation                                                      as relation,
        n.nspname::text                                                 as schemaname,
        c.relname::text                                                 as relname,
        l.page                                                          as page,
        l.tuple                                                         as line_pointer,
        l.virtualxid                                                    as virtualxid,
        l.transactionid::text::int8                                     as transactionid,
        l.classid                                                       as classid,
        l.objid                                                         as objid,
        l.objsubid                                                      as objsubid
    from snapshot l
    left join pg_catalog.pg_stat_activity a on a.pid = l.pid
    left join prepared p on l.pid is null and p.virtualtransaction = l.virtualtransaction
    left join pg_catalog.pg_database d on d.oid = l.database
    left join pg_catalog.pg_class c
        on c.oid = l.relation and (l.database = 0 or d.datname = current_database())
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where l.tag in (select tag from contested)
        or l.locktype = 'tuple'
            and l.virtualtransaction in (select virtualtransaction from contested)
"""


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock held or waited for. None is a column that does not apply to this kind of lock."""

    pid: int | None
    """None for a prepared transaction, which has a gid instead."""
    leader_pid: int | None
    """Of a parallel worker: the session it works for."""
    gid: str | None
    virtualtransaction: str
    locktype: str
    mode: str
    granted: bool
    fastpath: bool
    waited_seconds: float | None
    """None while granted, and for the instant in which a wait begins."""
    database: int | None
    datname: str | None
    relation: int | None
    schemaname: str | None
    """Names of relations are known for the database of the session that asks."""
    relname: str | None
    page: int | None
    line_pointer: int | None
    """With the page, the row's ctid."""
    virtualxid: str | None
    transactionid: int | None
    classid: int | None
    objid: int | None
    objsubid: int | None


def somebody_waits(sessions: Sequence[Session]) -> bool:
    """The cheap look that decides about the dear one."""
    return any(session.wait_event_type == "Lock" for session in sessions)


locks = Collector(
    row=Lock,
    lane=Lane.fast,
    sql={140000: QUERY},
    gate=Gate(activity, somebody_waits),
)
