"""Holders of the xmin horizon: sessions, prepared transactions, slots, and standby queries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# Vacuums are excluded: they don't hold back other vacuums. Walsenders hold the xmin of their
# standbys.
QUERY = """
    select
        'session'                                           as holder,
        a.pid::text                                         as name,
        {datname}                                           as datname,
        greatest(age(a.backend_xmin), age(a.backend_xid))::int8 as xmin_age
    from {sessions} a
    where coalesce(a.backend_xmin, a.backend_xid) is not null
        and a.backend_type is distinct from 'walsender'
        and a.pid <> pg_backend_pid()
        and a.pid not in (select pid from pg_catalog.pg_stat_get_progress_info('VACUUM'))
    union all
    select 'prepared_transaction', p.gid, {prepared_in}, age(p.transaction)::int8
    from pg_catalog.pg_prepared_xact() p
    union all
    select
        'replication_slot', s.slot_name::text, {slot_datname},
        greatest(age(xmin), age(catalog_xmin))::int8
    from {slots} s
    where coalesce(xmin, catalog_xmin) is not null
    union all
    select 'standby', a.application_name, null, age(a.backend_xmin)::int8
    from {walsenders} w
    join {sessions} a on a.pid = w.pid
    where a.backend_xmin is not null
"""
HOLDERS = ("session", "prepared_transaction", "replication_slot", "standby")


@dataclass(frozen=True, slots=True)
class Holder:
    """A holder that may still need dead rows."""

    holder: str
    """session, prepared_transaction, replication_slot or standby."""
    name: str
    """A pid, gid, slot, or the standby's name."""
    datname: str | None
    """None: it applies to all databases."""
    xmin_age: int
    """Transactions since the oldest row version that it may need."""


def oldest(rows: Sequence[Holder]) -> Iterator[Sample]:
    for holder in HOLDERS:
        yield (holder,), max((row.xmin_age for row in rows if row.holder == holder), default=0)


xmin_horizon = Collector(
    row=Holder,
    lane=Lane.normal,
    sql={140000: without_tables(QUERY)},
    needs=(READ_ALL_STATS,),
    metrics=(
        Metric(
            "pg_xmin_horizon_age",
            "gauge",
            "Age in transactions of the oldest holder of this kind, which holds back vacuum.",
            ("holder",),
            oldest,
        ),
    ),
)
