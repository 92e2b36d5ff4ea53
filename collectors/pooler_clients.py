"""SHOW CLIENTS: the clients of the pooler, and the server connection that each holds."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane


@dataclass(frozen=True, slots=True)
class PoolerClient:
    user: str | None
    database: str | None
    state: str | None
    addr: str | None
    port: int | None
    ptr: str | None
    """Its identity, as long as it is connected."""
    link: str | None
    """The server connection that it holds; None outside of transactions."""
    application_name: str | None


pooler_clients = Collector(
    row=PoolerClient,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW CLIENTS",
)
