"""Demand: how many connections the pools of a pooler may open at most."""

from collections.abc import Collection
from dataclasses import dataclass

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
    users: int
    """The largest number of users of one database."""

    def largest_database(self, size: int) -> int:
        """Return how many connections a database needs if its pools have this size."""
        return size * max(1, self.users)


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
    users = {name: len(known) for name, known in pools.items()}
    sizes = [*(row.pool_size or 0 for row in databases)]
    sizes += [pool.size or 0 for known in pools.values() for pool in known]
    most = sum(_of_database(snapshot, row, pools[row.name]) for row in databases)
    return Demand(
        most=most,
        pools=sum(users.values()),
        size=max(sizes, default=0),
        users=max(users.values(), default=0),
    )


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
