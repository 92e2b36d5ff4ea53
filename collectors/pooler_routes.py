"""Routes from a pooler's databases to watched servers; the daemon supplies them."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane


@dataclass(frozen=True, slots=True)
class PoolerRoute:
    """A database of the pooler. One that leads to no watched server, or to an unknown one, has no
    row."""

    database: str
    server: str


pooler_routes: Collector[PoolerRoute] = Collector(
    row=PoolerRoute,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    key=("database",),
)
