"""pg_stat_get_backend_subxact: transactions with more subtransactions than their cache holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# Shared memory holds 64 subtransactions of a backend. Beyond that, every visibility check of other
# sessions must look up the parent transaction in pg_subtrans, which may be on disk.
QUERY = """
    select
        a.pid                                                           as pid,
        {datname}                                                       as datname,
        {usename}                                                       as usename,
        a.application_name                                              as application_name,
        a.client_addr::text                                             as client_addr,
        a.state                                                         as state,
        a.query_id                                                      as query_id,
        a.query                                                         as query,
        a.backend_start::text                                           as backend_start_text,
        a.xact_start::text                                              as xact_start_text,
        extract(epoch from clock_timestamp() - a.xact_start)::float8    as xact_seconds,
        s.subxact_count                                                 as subxact_count,
        s.subxact_overflowed                                            as subxact_overflowed
    from pg_catalog.pg_stat_get_backend_idset() as id
    cross join lateral pg_catalog.pg_stat_get_backend_subxact(id) as s
    join {sessions} a on a.pid = pg_catalog.pg_stat_get_backend_pid(id)
    where s.subxact_count > 0 or s.subxact_overflowed
"""


@dataclass(frozen=True, slots=True)
class Nested:
    """A session whose transaction has subtransactions."""

    pid: int
    datname: str | None
    usename: str | None
    application_name: str | None
    client_addr: str | None
    state: str | None
    query_id: int | None
    query: str | None
    backend_start_text: str | None
    xact_start_text: str | None
    xact_seconds: float | None
    subxact_count: int
    """Number of subtransactions in shared memory; at most 64."""
    subxact_overflowed: bool


def overflowed(rows: Sequence[Nested]) -> Iterator[Sample]:
    yield (), sum(row.subxact_overflowed for row in rows)


subtransactions = Collector(
    row=Nested,
    lane=Lane.normal,
    sql={160000: without_tables(QUERY)},
    key=("pid",),
    needs=(READ_ALL_STATS,),
    metrics=(
        Metric(
            "pg_subtransactions_overflowed",
            "gauge",
            "Transactions with more subtransactions than fit into shared memory.",
            (),
            overflowed,
        ),
    ),
)
