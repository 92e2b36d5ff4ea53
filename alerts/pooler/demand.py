"""Demand: how many connections the pools of a pooler may open at most."""

from collections import Counter
from dataclasses import dataclass

from alerts.pooler.pools import number, pools_of
from alerts.snapshot import Snapshot
from collectors.pooler_databases import PoolerDatabase, pooler_databases


@dataclass(frozen=True, slots=True)
class Demand:
    """What the pools may open."""

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


def demand(snapshot: Snapshot) -> Demand:
    """Return the demand. Raises Unknown if databases or pools are not known.

    A database without clients counts with one pool: users who come later are not known.
    """
    users = Counter(pool.pool.database for pool in pools_of(snapshot))
    each = number(snapshot, "max_user_connections") or 0
    databases = [row for row in snapshot.rows(pooler_databases) if not row.is_console]
    most = sum(_of_database(row, users[row.name], each) for row in databases)
    return Demand(
        most=most,
        pools=sum(users.values()),
        size=max((row.pool_size or 0 for row in databases), default=0),
        users=max(users.values(), default=0),
    )


def _of_database(row: PoolerDatabase, users: int, each: int) -> int:
    one = (row.pool_size or 0) + (row.reserve_pool_size or 0)
    one = min(one, each) if each else one
    whole = one * (1 if row.force_user else max(1, users))
    return min(whole, row.max_connections) if row.max_connections else whole
