"""pg_locks: tables locked in a mode that blocks writers or all other sessions."""

from dataclasses import dataclass

from collectors._base import Collector, Lane
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# Catalogue relations are excluded: every DDL statement locks them for a moment.
QUERY = """
    select
        l.pid                                                           as pid,
        {locked_in}                                                     as datname,
        l.relation                                                      as relation,
        l.mode                                                          as mode,
        {usename}                                                       as usename,
        a.application_name                                              as application_name,
        a.client_addr::text                                             as client_addr,
        a.backend_type                                                  as backend_type,
        a.state                                                         as state,
        a.query_id                                                      as query_id,
        a.query                                                         as query,
        a.backend_start::text                                           as backend_start_text,
        a.xact_start::text                                              as xact_start_text,
        extract(epoch from clock_timestamp() - a.xact_start)::float8    as xact_seconds,
        extract(epoch from clock_timestamp() - a.query_start)::float8   as query_seconds,
        extract(epoch from clock_timestamp() - a.state_change)::float8  as state_seconds
    from pg_catalog.pg_locks l
    join {sessions} a on a.pid = l.pid
    where l.locktype = 'relation'
        and l.granted
        and l.mode in ('ExclusiveLock', 'AccessExclusiveLock')
        and l.relation >= 16384
"""


@dataclass(frozen=True, slots=True)
class ExclusiveLock:
    """A relation that a session has locked in a mode that blocks writers or all others."""

    pid: int
    datname: str
    relation: int
    mode: str
    usename: str | None
    application_name: str | None
    client_addr: str | None
    backend_type: str | None
    state: str | None
    query_id: int | None
    query: str | None
    backend_start_text: str | None
    xact_start_text: str | None
    xact_seconds: float | None
    query_seconds: float | None
    state_seconds: float | None
    """Seconds since the session became idle or active."""


exclusive_locks = Collector(
    row=ExclusiveLock,
    lane=Lane.normal,
    sql={140000: without_tables(QUERY)},
    key=("pid", "datname", "relation", "mode"),
    needs=(READ_ALL_STATS,),
)
