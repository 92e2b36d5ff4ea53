"""pg_locks: contested locks with their holders and waiters, and what their transactions hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectors._base import Collector, Gate, Lane
from collectors.activity import Session, activity

# What chosen transactions hold, of a `snapshot` of pg_locks: the tables that they have written, and
# the exclusive locks that keep others out.
HELD = """touched as (
        select
            virtualtransaction,
            relation,
            max(place)                              as place,
            bool_and(fastpath)                      as in_slot,
            -- If it was first taken in a weaker mode, its position says nothing about the write.
            count(distinct mode) = 1                as in_order,
            bool_and(mode in ('AccessShareLock', 'RowShareLock')) as unchanged
        from snapshot
        where granted and locktype = 'relation'
            and virtualtransaction in (select virtualtransaction from {chosen})
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
        select
            virtualtransaction,
            array_agg(tag)                          as tags,
            array_agg(tag) filter (where locktype = 'advisory') as keys,
            array_agg(format('%s %s %s', classid, objid, objsubid))
                filter (where locktype = 'advisory') as key_numbers
        from snapshot
        where granted
            and virtualtransaction in (select virtualtransaction from {chosen})
            and (
                locktype = 'advisory' and mode = 'ExclusiveLock'
                or locktype = 'relation' and mode in (
                    'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock',
                    'ExclusiveLock', 'AccessExclusiveLock'
                )
            )
        group by virtualtransaction"""
TAG = """pg_catalog.hash_record_extended(row(
                locktype, database, relation, page, tuple,
                virtualxid, transactionid, classid, objid, objsubid
            ), 0)"""

# The lock table is read once, and only contested locks are returned, with all holders and waiters
# and the rows that these sessions have locked, which show what a wait for a transaction is about.
# A hash replaces the ten columns that identify a lock, because an equality of nullable columns
# can't use a hash join. Predicate locks never wait. The clock is read once, so that the order of
# waits is consistent.
#
# The tables that such a session has written are returned as lists, because there would be many
# rows. A backend keeps its relation locks in slots and always takes the last free one, so the view
# read backwards shows the order in which a transaction locked its tables. Since 18 the slots are in
# groups by a hash of the OID, and the order is known only within a group.
QUERY = """
    with snapshot as materialized (
        select *,
            row_number() over () as place,
            {tag} as tag
        from pg_catalog.pg_locks
        where mode <> 'SIReadLock'
    ), contested as materialized (
        select tag, virtualtransaction
        from snapshot
        where tag in (select tag from snapshot where not granted)
    ), {held}
    ), sessions as materialized (
        -- Read after the locks: a session still in the same statement was in it at that time,
        -- and so with transactions.
        select pid, leader_pid, query_start, xact_start::text as xact_start_text
        from pg_catalog.pg_stat_get_activity(null)
        where (select count(*) from snapshot) > 0
    ), prepared as (
        select s.virtualtransaction, p.gid
        from pg_catalog.pg_prepared_xact() p
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
        case when l.locktype = 'advisory' then l.tag end                as tag,
        extract(epoch from a.query_start)::float8                       as query_start,
        a.xact_start_text                                               as xact_start_text,
        coalesce(w.relations, '{}')                                     as writes,
        coalesce(w.slots, '{}')                                         as slots,
        coalesce(w.unchanged, '{}')                                     as unchanged,
        coalesce(g.tags, '{}')                                          as gates,
        coalesce(g.keys, '{}')                                          as keys,
        coalesce(g.key_numbers, '{}')                                   as key_numbers
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
# As FAST_PATH_REL_GROUP in lock.c: groups of sixteen slots; their number is a power of two.
GROUP_18 = """(relation::int8 * 49157 & (
                    select greatest(1, least(1024, 2 ^ ceil(
                        log(2, current_setting('max_locks_per_transaction')::numeric)
                    ) / 16))::int8 - 1
                ))::int4"""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held or awaited. None: the column does not apply to this type of lock."""

    pid: int | None
    """None for a prepared transaction, which has a gid instead."""
    leader_pid: int | None
    """For a parallel worker, the pid of its leader."""
    gid: str | None
    virtualtransaction: str
    locktype: str
    mode: str
    granted: bool
    fastpath: bool
    waited_seconds: float | None
    """None while granted, and for a moment when a wait begins."""
    database: int | None
    datname: str | None
    relation: int | None
    schemaname: str | None
    """Names are known only for relations of the database that the query runs in."""
    relname: str | None
    page: int | None
    line_pointer: int | None
    """With the page, the row's ctid."""
    virtualxid: str | None
    transactionid: int | None
    classid: int | None
    objid: int | None
    objsubid: int | None
    tag: int | None = None
    """Of an advisory lock, the hash by which it is found among the gates."""
    query_start: float | None = None
    """Start of the session's statement in unix seconds, read after the locks."""
    xact_start_text: str | None = None
    """Start of the session's transaction, as in `activity`, read after the locks."""
    writes: Sequence[int] = ()
    """Relations whose rows its transaction writes or locks, in the order of first use. Indexes are
    included if rows were searched with them, not if rows were only inserted."""
    slots: Sequence[int] = ()
    """For each of `writes`, the group within which the order is known; -1 if it is unknown."""
    unchanged: Sequence[int] = ()
    """Those of `writes` where it has only locked rows, for example for a foreign key."""
    gates: Sequence[int] = ()
    """Hashes of the exclusive locks that its transaction holds."""
    keys: Sequence[int] = ()
    """Those of `gates` that are advisory locks,"""
    key_numbers: Sequence[str] = ()
    """and the numbers of each: classid, objid and objsubid."""


def any_waiting(sessions: Sequence[Session]) -> bool:
    """Return True if any session waits for a lock; only then is pg_locks worth reading."""
    return any(session.wait_event_type == "Lock" for session in sessions)


def held_by(chosen: str, version: int) -> str:
    """Return the CTEs `written` and `gates`, of the transactions that the CTE `chosen` has."""
    group = GROUP_18 if version >= 180000 else "0"
    return HELD.replace("{chosen}", chosen).replace("{slot_group}", group)


def _query(version: int) -> str:
    return QUERY.replace("{held}", held_by("contested", version)).replace("{tag}", TAG)


locks = Collector(
    row=Lock,
    lane=Lane.fast,
    sql={version: _query(version) for version in (140000, 180000)},
    gate=Gate(activity, any_waiting),
)
