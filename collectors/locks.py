"""pg_locks: who waits for a lock, and everything that explains why."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectors._base import Collector, Gate, Lane
from collectors.activity import Session, activity

# One look at the lock table, then only what matters: each contested lock with all its holders and
# waiters, and the rows that these sessions have locked, which tell what a wait for a transaction is
# about. A hash stands for the ten columns that identify a lock, as equality of columns that may be
# null can't be hashed. Predicate locks never wait. The clock is read once: waits keep their order.
#
# What such a session has written so far comes along as lists, for rows would be many. A backend
# keeps its relation locks in slots, and takes the last free one each time: read backwards, the view
# tells in which order a transaction came to its tables. From 18 on the slots are in groups by a
# hash of the OID, and the order is known within a group.
QUERY = """
    with snapshot as materialized (
        select *,
            row_number() over () as place,
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
    ), touched as (
        select
            virtualtransaction,
            relation,
            max(place)                              as place,
            bool_and(fastpath)                      as in_slot,
            -- Taken for something weaker at first, its place tells nothing of the write.
            count(distinct mode) = 1                as in_order,
            bool_and(mode in ('AccessShareLock', 'RowShareLock')) as unchanged
        from snapshot
        where granted and locktype = 'relation'
            and virtualtransaction in (select virtualtransaction from contested)
        group by virtualtransaction, relation
        having bool_or(mode <> 'AccessShareLock')
    ), written as materialized (
        select
            virtualtransaction,
            array_agg(relation order by place desc) as relations,
            array_agg(
                case when in_slot and in_order then {slot_group} else -1 end
                order by place desc
            )                                       as slots,
            array_agg(relation) filter (where unchanged) as unchanged
        from touched
        group by virtualtransaction
    ), gates as materialized (
        select virtualtransaction, array_agg(tag) as tags
        from snapshot
        where granted
            and virtualtransaction in (select virtualtransaction from contested)
            and (
                locktype = 'advisory' and mode = 'ExclusiveLock'
                or locktype = 'relation' and mode in (
                    'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock',
                    'ExclusiveLock', 'AccessExclusiveLock'
                )
            )
        group by virtualtransaction
    ), sessions as materialized (
        -- Read after the locks: who is in the same statement as before them was in it meanwhile,
        -- and so with transactions.
        select pid, leader_pid, query_start, xact_start::text as xact_start_text
        from pg_catalog.pg_stat_activity
        where (select count(*) from snapshot) > 0
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
        l.objsubid                                                      as objsubid,
        extract(epoch from a.query_start)::float8                       as query_start,
        a.xact_start_text                                               as xact_start_text,
        coalesce(w.relations, '{}')                                     as writes,
        coalesce(w.slots, '{}')                                         as slots,
        coalesce(w.unchanged, '{}')                                     as unchanged,
        coalesce(g.tags, '{}')                                          as gates
    from snapshot l
    left join sessions a on a.pid = l.pid
    left join prepared p on l.pid is null and p.virtualtransaction = l.virtualtransaction
    left join pg_catalog.pg_database d on d.oid = l.database
    left join pg_catalog.pg_class c
        on c.oid = l.relation and (l.database = 0 or d.datname = current_database())
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join written w on w.virtualtransaction = l.virtualtransaction
    left join gates g on g.virtualtransaction = l.virtualtransaction
    where l.tag in (select tag from contested)
        or l.locktype = 'tuple'
            and l.virtualtransaction in (select virtualtransaction from contested)
"""
# As FAST_PATH_REL_GROUP of lock.c has it: groups of sixteen slots, a power of two of them.
GROUP_18 = """(relation::int8 * 49157 & (
                    select greatest(1, least(1024, 2 ^ ceil(
                        log(2, current_setting('max_locks_per_transaction')::numeric)
                    ) / 16))::int8 - 1
                ))::int4"""


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
    query_start: float | None = None
    """Of its session's statement, in unix seconds, read after the locks."""
    xact_start_text: str | None = None
    """Of its session's transaction, as activity has it, read after the locks."""
    writes: Sequence[int] = ()
    """Relations that its transaction writes or locks rows of, first touched first. An index is
    among them where rows were looked for, not where they were only inserted."""
    slots: Sequence[int] = ()
    """For each of them a group within which that order is true; -1 where it is not known."""
    unchanged: Sequence[int] = ()
    """Those of them where it has at most locked rows, be it for a foreign key."""
    gates: Sequence[int] = ()
    """What its transaction holds that nobody else can hold beside it, each as a hash."""


def somebody_waits(sessions: Sequence[Session]) -> bool:
    """The cheap look that decides about the dear one."""
    return any(session.wait_event_type == "Lock" for session in sessions)


locks = Collector(
    row=Lock,
    lane=Lane.fast,
    sql={
        140000: QUERY.replace("{slot_group}", "0"),
        180000: QUERY.replace("{slot_group}", GROUP_18),
    },
    gate=Gate(activity, somebody_waits),
)
