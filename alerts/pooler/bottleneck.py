"""Bottleneck of a pool: the limits that its connections have reached, and the lines to raise them.

A pool has a size, and shares the limit of its database and that of its user with other pools. A
larger size alone does not help where one of these is reached first, nor does a larger default where
the database or the user has a value of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alerts.pooler.advice import IniLine
from alerts.pooler.pools import KnownPool, number, pools_of, user_limit, version_of
from alerts.snapshot import Snapshot

POOL, DATABASE, USER = "default_pool_size", "max_db_connections", "max_user_connections"
ONE_USER = (1, 24)
"""The version from which a user that the lines of several databases name is one user."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is reached."""

    line: IniLine
    allowed: int
    owner: str
    """Of what it is the limit."""

    @property
    def sentence(self) -> str:
        return f"{self.owner} has all {self.allowed} that {self.line.setting} allows"


def reached(snapshot: Snapshot, pool: KnownPool) -> Iterator[Reached]:
    """Yield the limits that a pool has reached, as far as the pooler shows them."""
    database, user = pool.pool.database, pool.pool.user
    if pool.size is not None and _opened([pool]) >= pool.size:
        yield Reached(size_line(snapshot, pool), pool.size, f"pool {pool.name}")
    beside = [one for one in pools_of(snapshot) if one.pool.database == database]
    most = pool.database.max_connections if pool.database else None
    if most and _opened(beside) >= most:
        is_own = most != number(snapshot, DATABASE)
        line = IniLine(DATABASE, "databases", database) if is_own else IniLine(DATABASE)
        yield Reached(line, most, f"database {database}")
    of_user = [one for one in pools_of(snapshot) if _shares_user(snapshot, one, pool)]
    each = user_limit(snapshot, pool)
    if each and _opened(of_user) >= each:
        is_own = each != number(snapshot, USER)
        line = IniLine(USER, "users", user) if is_own else IniLine(USER)
        yield Reached(line, each, f"user {user}")


def used_up(snapshot: Snapshot, pool: KnownPool) -> tuple[Reached, ...]:
    """Return the shared limits that other pools have used up, so that this one gets nothing."""
    if pool.pool.sv_login:
        return ()  # it has got a connection, which is not logged in yet
    return tuple(o for o in reached(snapshot, pool) if o.line.setting in (DATABASE, USER))


def size_line(snapshot: Snapshot, pool: KnownPool) -> IniLine:
    """Return the line that says the size of a pool."""
    for_all = number(snapshot, POOL)
    if pool.has_own_size:
        return IniLine("pool_size", "users", pool.pool.user)
    if for_all is not None and pool.size != for_all:
        return IniLine("pool_size", "databases", pool.pool.database)
    return IniLine(POOL)


def _shares_user(snapshot: Snapshot, one: KnownPool, other: KnownPool) -> bool:
    """Whether both count for the same user: once, that of each database's line was its own."""
    version = version_of(snapshot)
    is_apart = version is None or version < ONE_USER
    if is_apart and other.database and other.database.force_user:
        return one.pool.database == other.pool.database
    return one.pool.user == other.pool.user


def _opened(pools: Iterable[KnownPool]) -> int:
    """Count the connections of these pools, those that are logging in included."""
    return sum((one.pool.established or 0) + (one.pool.sv_login or 0) for one in pools)
