"""Reader of open transactions: what each has locked, and what it does, at this moment.

The transaction id that a session has taken connects its locks with its statement: the same id means
the same transaction, however quickly they follow each other.
"""

from collectors import _sizes as sizes
from collectors.locks import TAG, held_by
from collectors.open_transactions import OpenTransaction, open_transactions
from monitor.polling.texts import readable
from monitor.postgres.session import Session
from monitor.reading import Cost

MOST = 60
"""Transactions of one query: those first that wait or are waited for. What they teach is learned in
the event loop, at about 50 microseconds for each."""
QUERY = """
    with snapshot as materialized (
        select *,
            row_number() over () as place,
            {tag} as tag
        from pg_catalog.pg_locks
        where pid is not null and locktype in ('relation', 'advisory', 'transactionid', 'tuple')
    ), writing as materialized (
        select pid, virtualtransaction, transactionid
        from snapshot
        where locktype = 'transactionid' and granted and mode = 'ExclusiveLock'
    ), awaited as materialized (
        select w.virtualtransaction, w.transactionid, r.relation, r.page, r.tuple, r.mode
        from snapshot w
        left join snapshot r
            on r.virtualtransaction = w.virtualtransaction and r.locktype = 'tuple'
        where w.locktype = 'transactionid' and not w.granted
    ), {held}
    ), sessions as materialized (
        select *
        from pg_catalog.pg_stat_get_activity(null)
        where (select count(*) from snapshot) > 0 and backend_xid is not null
    )
    select
        o.pid                                                           as pid,
        o.virtualtransaction                                            as virtualtransaction,
        d.datname::text                                                 as datname,
        a.backend_start::text                                           as backend_start_text,
        a.xact_start::text                                              as xact_start_text,
        extract(epoch from clock_timestamp() - a.xact_start)::float8    as xact_seconds,
        extract(epoch from clock_timestamp() - a.query_start)::float8   as query_seconds,
        extract(epoch from a.query_start)::float8                       as query_start,
        a.state                                                         as state,
        a.wait_event_type                                               as wait_event_type,
        {query}                                                         as query,
        coalesce(w.relations, '{}')                                     as writes,
        coalesce(w.slots, '{}')                                         as slots,
        coalesce(w.unchanged, '{}')                                     as unchanged,
        coalesce(g.tags, '{}')                                          as gates,
        coalesce(g.keys, '{}')                                          as keys,
        coalesce(g.key_numbers, '{}')                                   as key_numbers,
        o.transactionid::text::int8                                     as xid,
        l.transactionid::text::int8                                     as waits_for,
        l.relation                                                      as relation,
        l.page                                                          as page,
        l.tuple                                                         as line_pointer,
        l.mode                                                          as mode
    from writing o
    join sessions a on a.pid = o.pid and a.backend_xid = o.transactionid
    left join pg_catalog.pg_database d on d.oid = a.datid
    left join awaited l on l.virtualtransaction = o.virtualtransaction
    left join written w on w.virtualtransaction = o.virtualtransaction
    left join gates g on g.virtualtransaction = o.virtualtransaction
    order by
        o.transactionid in (select transactionid from awaited) desc,
        l.transactionid is not null desc
    limit {most}
"""


def query_for(version: int) -> str:
    """Return the query for that server version, such as 140000."""
    text = QUERY.replace("{tag}", TAG).replace("{held}", held_by("writing", version))
    text = text.replace("{query}", sizes.left("a.query", sizes.QUERY_BYTES))
    return text.replace("{most}", str(MOST))


async def read_open(
    session: Session, exposure: int, deadline: float
) -> tuple[list[OpenTransaction], Cost]:
    """Read all transactions that have written. Raises QueryFailure."""
    query = query_for(session.identity.version)
    records, cost = await session.ask(query, deadline)
    rows = readable(records, query, open_transactions, session)
    return [OpenTransaction(exposure, **one) for one in rows], cost
