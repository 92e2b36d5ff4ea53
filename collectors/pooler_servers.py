"""SHOW SERVERS: each connection of the pooler to a server."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane


@dataclass(frozen=True, slots=True)
class PoolerServer:
    user: str | None
    database: str | None
    state: str | None
    addr: str | None
    port: int | None
    connect_time: str | None
    """2026-01-31 12:00:00 UTC, in the time zone and by the clock of the pooler."""
    request_time: str | None
    remote_pid: int | None
    """The process of PostgreSQL at the other end."""
    application_name: str | None
    ptr: str | None = None
    """Its identity, as long as it is connected."""
    link: str | None = None
    """The client that holds it; None while none does."""


pooler_servers = Collector(
    row=PoolerServer,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW SERVERS",
)
