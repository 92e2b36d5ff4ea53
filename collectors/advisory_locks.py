"""pg_locks: sessions that hold advisory locks, and their current state."""

from dataclasses import dataclass

from collectors._base import Collector, Lane
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# objsubid is 1 for a key of 64 bits, 2 for two keys of 32 bits.
QUERY = """
    select
        l.pid                                                           as pid,
        {locked_in}                                                     as datname,
        {usename}                                                       as usename,
        a.application_name                                              as application_name,
        a.client_addr::text                                             as client_addr,
        a.state                                                         as state,
        a.query                                                         as query,
        a.backend_start::text                                           as backend_start_text,
        a.xact_start is not null                                        as in_transaction,
        extract(epoch from clock_timestamp() - a.state_change)::float8  as state_seconds,
        l.locks                                                         as locks,
        l.some_key                                                      as some_key
    from (
        select
            pid,
            database,
            count(*)                                                    as locks,
            min(case objsubid
                when 1 then ((classid::int8 << 32) | objid::int8)::text
                else format('(%s, %s)', classid::int8, objid::int8)
            end)                                                        as some_key
        from pg_catalog.pg_locks
        where locktype = 'advisory' and granted
        group by pid, database
    ) l
    join {sessions} a on a.pid = l.pid
"""


@dataclass(frozen=True, slots=True)
class AdvisoryHolder:
    """The advisory locks of one session."""

    pid: int
    datname: str
    usename: str | None
    application_name: str | None
    client_addr: str | None
    state: str | None
    query: str | None
    backend_start_text: str | None
    in_transaction: bool
    state_seconds: float | None
    locks: int
    some_key: str
    """One of the keys: a number, or a pair of them."""


advisory_locks = Collector(
    row=AdvisoryHolder,
    lane=Lane.normal,
    sql={140000: without_tables(QUERY)},
    key=("pid", "datname"),
    needs=(READ_ALL_STATS,),
)
