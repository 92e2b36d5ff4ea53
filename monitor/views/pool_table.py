"""Pools of a pooler as a page shows them, beside their server."""

from dataclasses import dataclass

from alerts.connections import client_sessions, usable_slots
from alerts.pooler.pools import pools_of
from alerts.snapshot import Snapshot, Unknown
from collectors.activity import activity
from collectors.pooled_sessions import pooled_sessions
from collectors.pooler_pools import pooler_pools


@dataclass(frozen=True, slots=True)
class PoolLine:
    """One pool. None: unknown."""

    database: str
    user: str
    mode: str | None
    clients: int | None
    waiting: int | None
    wait_seconds: float | None
    active: int | None
    idle: int | None
    size: int | None
    is_paused: bool


@dataclass(frozen=True, slots=True)
class ServerSide:
    """Connections of a server behind a pooler. None: unknown."""

    server: str
    used: int | None
    slots: int | None
    active: int | None
    pooled: int | None
    """Connections of this pooler."""


def server_side(server: Snapshot, pooler: str) -> ServerSide:
    """Return how a server stands that is behind this pooler."""
    clients = client_sessions(server.rows(activity)) if server.has(activity) else None
    pooled = server.rows(pooled_sessions) if server.has(pooled_sessions) else None
    try:
        slots = usable_slots(server)
    except Unknown:
        slots = None
    return ServerSide(
        server.node.server,
        None if clients is None else len(clients),
        slots,
        None if clients is None else sum(one.state == "active" for one in clients),
        None if pooled is None else sum(one.pooler == pooler for one in pooled),
    )


def pool_table(snapshot: Snapshot) -> tuple[PoolLine, ...]:
    """Return a line for each pool, without the console; those with waiting clients first."""
    if not snapshot.has(pooler_pools):
        return ()
    lines = [
        PoolLine(
            known.pool.database,
            known.pool.user,
            known.pool.pool_mode,
            known.pool.cl_active,
            known.pool.cl_waiting,
            known.pool.wait_seconds,
            known.pool.sv_active,
            known.pool.sv_idle,
            known.size,
            bool(known.database and known.database.paused),
        )
        for known in pools_of(snapshot)
    ]
    return tuple(sorted(lines, key=lambda line: (-(line.waiting or 0), line.database, line.user)))
