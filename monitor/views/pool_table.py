"""Pools of a pooler as a page shows them, beside their server."""

from dataclasses import dataclass

from alerts.snapshot import Snapshot
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
