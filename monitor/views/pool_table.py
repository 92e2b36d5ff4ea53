"""Pools of a pooler as a page shows them, beside their server."""

from dataclasses import dataclass

from alerts.connections import client_sessions, usable_slots
from alerts.snapshot import Snapshot, Unknown
from collectors.activity import activity
from collectors.pooled_sessions import pooled_sessions
from collectors.pooler_databases import PoolerDatabase, pooler_databases
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
    known: dict[str, PoolerDatabase] = {}
    if snapshot.has(pooler_databases):
        known = {row.name: row for row in snapshot.rows(pooler_databases)}
    lines = [
        PoolLine(
            pool.database,
            pool.user,
            pool.pool_mode,
            pool.cl_active,
            pool.cl_waiting,
            pool.wait_seconds,
            pool.sv_active,
            pool.sv_idle,
            known[pool.database].pool_size if pool.database in known else None,
            bool(pool.database in known and known[pool.database].paused),
        )
        for pool in snapshot.rows(pooler_pools)
        if not pool.is_console
    ]
    return tuple(sorted(lines, key=lambda line: (-(line.waiting or 0), line.database, line.user)))
