"""Demand: how many connections the pools of a pooler may open at most."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from alerts.pooler.pools import number, pools_of
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
    names = {row.name for row in databases}
    pools = (pool.pool.database for pool in pools_of(snapshot))
    users = Counter(database for database in pools if database in names)
    each = number(snapshot, "max_user_connections") or 0
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
