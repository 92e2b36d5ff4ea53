"""pg_subscription_rel: tables of subscriptions that are not synchronised yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample, Scope

# A worker copies one table; without one, the table waits for its turn, or for a retry.
QUERY = """
    select
        current_database()::text                    as datname,
        s.subname::text                             as subname,
        r.srrelid                                   as relid,
        n.nspname::text                             as schemaname,
        c.relname::text                             as relname,
        r.srsubstate::text                          as state,
        ascii(r.srsubstate::text)                   as state_code,
        w.pid                                       as pid
    from pg_catalog.pg_subscription_rel r
    join pg_catalog.pg_subscription s on s.oid = r.srsubid
    left join pg_catalog.pg_stat_subscription w
        on w.subid = r.srsubid and w.relid = r.srrelid
    left join pg_catalog.pg_class c on c.oid = r.srrelid
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where r.srsubstate <> 'r'
    order by r.srrelid
    limit 1000
"""
STATES = {
    "i": "not begun",
    "d": "being copied",
    "f": "copied",
    "s": "catching up",
}


@dataclass(frozen=True, slots=True)
class SubscriptionTable:
    """One table that is not synchronised yet."""

    datname: str
    subname: str
    relid: int
    schemaname: str | None
    relname: str | None
    state: str
    """As PostgreSQL's letter: i, d, f or s."""
    state_code: int
    """The same as a number, so that a change of it can be seen."""
    pid: int | None
    """The worker that copies it; None while there is none."""

    @property
    def phase(self) -> str:
        return STATES.get(self.state, self.state)


def unfinished(rows: Sequence[SubscriptionTable]) -> Iterator[Sample]:
    counts: dict[tuple[str | None, ...], int] = {}
    for row in rows:
        labels = row.datname, row.subname
        counts[labels] = counts.get(labels, 0) + 1
    yield from counts.items()


subscription_tables = Collector(
    row=SubscriptionTable,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "subname", "relid"),
    metrics=(
        Metric(
            "pg_subscription_unsynchronised_tables",
            "gauge",
            "Tables of a subscription that are not synchronised yet.",
            ("datname", "subname"),
            unfinished,
        ),
    ),
)
