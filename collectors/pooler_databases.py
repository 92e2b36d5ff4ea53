"""SHOW DATABASES: where each database of the pooler leads, and how large its pools may be."""

from dataclasses import dataclass, field

from collectors._base import Collector, Kind, Lane, gauge
from collectors.pooler_pools import CONSOLE

DATABASE = ("name", "host", "port", "database", "force_user", "pool_mode")


@dataclass(frozen=True, slots=True)
class PoolerDatabase:
    name: str
    host: str | None
    """None: the default socket of PostgreSQL."""
    port: int | None
    database: str | None
    force_user: str | None
    pool_size: int | None
    """Server connections of each of its pools; there is a pool for each user."""
    min_pool_size: int | None
    reserve_pool_size: int | None = field(metadata={"before": "reserve_pool"})
    pool_mode: str | None
    """None: as for the pooler as a whole."""
    max_connections: int | None
    """Of all its pools together; 0: not limited."""
    current_connections: int | None
    paused: int | None
    disabled: int | None

    @property
    def is_console(self) -> bool:
        return self.name == CONSOLE


pooler_databases = Collector(
    row=PoolerDatabase,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW DATABASES",
    key=("name",),
    metrics=(
        gauge(
            "pgbouncer_databases_pool_size",
            "Server connections that each pool of the database may have.",
            "pool_size",
            DATABASE,
        ),
        gauge(
            "pgbouncer_databases_reserve_pool",
            "Additional server connections that each pool may have when clients wait.",
            "reserve_pool_size",
            DATABASE,
        ),
        gauge(
            "pgbouncer_databases_max_connections",
            "Server connections that all pools of the database may have; 0: not limited.",
            "max_connections",
            DATABASE,
        ),
        gauge(
            "pgbouncer_databases_current_connections",
            "Server connections of the database.",
            "current_connections",
            DATABASE,
        ),
        gauge("pgbouncer_databases_paused", "Whether it is paused.", "paused", DATABASE),
        gauge("pgbouncer_databases_disabled", "Whether it is disabled.", "disabled", DATABASE),
    ),
)
