"""SHOW LISTS: how many clients, pools and servers the pooler has."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane, Metric, Sample

NAMES = {
    "databases": ("pgbouncer_databases", "Databases."),
    "users": ("pgbouncer_users", "Users."),
    "pools": ("pgbouncer_pools", "Pools."),
    "free_clients": ("pgbouncer_free_clients", "Unused places of clients in memory."),
    "used_clients": ("pgbouncer_used_clients", "Clients."),
    "login_clients": ("pgbouncer_login_clients", "Clients that are logging in."),
    "free_servers": ("pgbouncer_free_servers", "Unused places of servers in memory."),
    "used_servers": ("pgbouncer_used_servers", "Server connections."),
    "dns_names": ("pgbouncer_cached_dns_names", "DNS names in the cache."),
    "dns_zones": ("pgbouncer_cached_dns_zones", "DNS zones in the cache."),
    "dns_queries": ("pgbouncer_in_flight_dns_queries", "DNS queries without an answer yet."),
}


@dataclass(frozen=True, slots=True)
class PoolerList:
    list: str
    items: int | None


def _of(name: str) -> Callable[[Sequence[PoolerList]], Iterable[Sample]]:
    return lambda rows: (((), row.items) for row in rows if row.list == name)


pooler_lists = Collector(
    row=PoolerList,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW LISTS",
    key=("list",),
    metrics=tuple(
        Metric(metric, "gauge", help, (), _of(name)) for name, (metric, help) in NAMES.items()
    ),
)
