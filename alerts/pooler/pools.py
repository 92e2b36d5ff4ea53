"""Pools of a pooler, each with the limits that hold for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.snapshot import Snapshot
from collectors.pooler_config import pooler_config
from collectors.pooler_databases import PoolerDatabase, pooler_databases
from collectors.pooler_pools import Pool, pooler_pools
from collectors.pooler_state import pooler_state
from collectors.pooler_users import PoolerUser, pooler_users
from collectors.pooler_version import pooler_version

TRANSACTION, SESSION = "transaction", "session"


@dataclass(frozen=True, slots=True)
class KnownPool:
    """A pool, with its database and its user as configured. None: unknown."""

    pool: Pool
    database: PoolerDatabase | None
    user: PoolerUser | None = None

    @property
    def name(self) -> str:
        """database/user."""
        return f"{self.pool.database}/{self.pool.user}"

    @property
    def size(self) -> int | None:
        if self.has_own_size:
            return self.user.pool_size if self.user else None
        return self.database.pool_size if self.database else None

    @property
    def has_own_size(self) -> bool:
        """Whether its user has a size, which counts before that of its database."""
        return self.user is not None and self.user.pool_size is not None

    @property
    def reserve(self) -> int:
        own = self.user.reserve_pool_size if self.user else None
        of_database = self.database.reserve_pool_size if self.database else None
        return (of_database if own is None else own) or 0

    @property
    def is_held(self) -> bool:
        """Whether its database is paused or disabled, so that clients wait on purpose."""
        return bool(self.database and (self.database.paused or self.database.disabled))

    @property
    def waiting(self) -> int:
        return self.pool.cl_waiting or 0

    @property
    def wait_seconds(self) -> float:
        return self.pool.wait_seconds or 0.0


def pools_of(snapshot: Snapshot) -> Iterator[KnownPool]:
    """Yield the pools, without the console. Raises Unknown if they are not known."""
    databases, users = {}, {}
    if snapshot.has(pooler_databases):
        databases = {row.name: row for row in snapshot.rows(pooler_databases)}
    if snapshot.has(pooler_users):
        users = {row.name: row for row in snapshot.rows(pooler_users)}
    for pool in snapshot.rows(pooler_pools):
        if not pool.is_console:
            yield KnownPool(pool, databases.get(pool.database), users.get(pool.user))


def setting(snapshot: Snapshot, key: str) -> str | None:
    """Return the value of a setting of the pooler; None: it does not exist, or is unknown."""
    if not snapshot.has(pooler_config):
        return None
    row = snapshot.answer(pooler_config).by("key").get(key)
    return row.value if row else None


def number(snapshot: Snapshot, key: str) -> int | None:
    """Return the value of a setting that is a whole number."""
    value = setting(snapshot, key)
    return int(value) if value and value.isdecimal() else None


def user_limit(snapshot: Snapshot, pool: KnownPool) -> int | None:
    """Return how many connections the user of a pool may have, in all of its pools together."""
    own = pool.user.max_user_connections if pool.user else None
    return own or number(snapshot, "max_user_connections") or None


def version_of(snapshot: Snapshot) -> tuple[int, int] | None:
    """Return the first two parts of the version: (1, 18)."""
    if not snapshot.has(pooler_version):
        return None
    return snapshot.row(pooler_version).number


def state(snapshot: Snapshot) -> str | None:
    """Return active, paused or suspended: the pooler as a whole; None where it does not tell."""
    if not snapshot.has(pooler_state):
        return None
    told = {row.key: row.value == "yes" for row in snapshot.rows(pooler_state)}
    return next((word for word in ("suspended", "paused") if told.get(word)), "active")
