"""Demand: how many connections the pools of a pooler may open at most."""

from collections.abc import Collection
from dataclasses import dataclass

from alerts.pooler.bottleneck import DATABASE
from alerts.pooler.pools import KnownPool, number, pools_of, user_limit
from alerts.snapshot import Snapshot
from collectors.pooler_databases import PoolerDatabase, pooler_databases


@dataclass(frozen=True, slots=True)
class Demand:
    """Connections that the pools may open."""

    most: int
    """All of them together, reserves included."""
    pools: int
    """Pairs of a database and a user that were seen."""
    size: int
    """The largest size of a pool."""
    databases: tuple[int, ...] = ()
    """Those of each database."""
    apart: tuple[str, ...] = ()
    """Databases whose own line limits them, whatever is said for all."""

    def limit(self, allowed: int) -> int:
        """Return the limit for each database with which all together stay within the allowed."""
        left, databases = allowed, sorted(self.databases)
        for place, wanted in enumerate(databases):
            share = left // (len(databases) - place)
            if wanted > share:
                return max(1, share)
            left -= wanted
        return max(1, allowed)


def demand(snapshot: Snapshot, only: Collection[str] | None = None) -> Demand:
    """Return the demand of these databases, or of all. Raises Unknown if they are not known.

    A database without clients counts with one pool: users who come later are not known.
    """
    rows = [row for row in snapshot.rows(pooler_databases) if not row.is_console]
    databases = [row for row in rows if only is None or row.name in only]
    pools: dict[str, list[KnownPool]] = {row.name: [] for row in databases}
    for pool in pools_of(snapshot):
        if pool.pool.database in pools:
            pools[pool.pool.database].append(pool)
    sizes = [*(row.pool_size or 0 for row in databases)]
    sizes += [pool.size or 0 for known in pools.values() for pool in known]
    each = tuple(_of_database(snapshot, row, pools[row.name]) for row in databases)
    return Demand(
        most=sum(each),
        pools=sum(map(len, pools.values())),
        size=max(sizes, default=0),
        databases=each,
        apart=tuple(row.name for row in databases if _is_apart(snapshot, row)),
    )


def _is_apart(snapshot: Snapshot, row: PoolerDatabase) -> bool:
    return bool(row.max_connections) and row.max_connections != number(snapshot, DATABASE)


def _of_database(snapshot: Snapshot, row: PoolerDatabase, pools: list[KnownPool]) -> int:
    each = number(snapshot, "max_user_connections") or 0
    unused = (row.pool_size or 0) + (row.reserve_pool_size or 0)
    wanted = [min(unused, each) if each else unused]
    if pools:
        wanted = [_of_pool(snapshot, pool) for pool in pools]
    whole = max(wanted) if row.force_user else sum(wanted)
    return min(whole, row.max_connections) if row.max_connections else whole


def _of_pool(snapshot: Snapshot, pool: KnownPool) -> int:
    one, limit = (pool.size or 0) + pool.reserve, user_limit(snapshot, pool)
    return min(one, limit) if limit else one
