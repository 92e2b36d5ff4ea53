"""Bottleneck of a pool: the limits that its connections have reached, and the lines to raise them.

A pool has a size, and shares the limit of its database and that of its user with other pools. A
larger size alone does not help where one of these is reached first, nor does a larger default where
the database or the user has a value of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alerts.cure import remark
from alerts.pooler.advice import RELOAD, console, in_section
from alerts.pooler.pools import KnownPool, number, pools_of, user_limit
from alerts.snapshot import Snapshot

POOL, DATABASE, USER = "default_pool_size", "max_db_connections", "max_user_connections"
OF_ITS_OWN = {POOL: "pool_size", DATABASE: DATABASE, USER: USER}
"""The same limit in the line of a database or of a user."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is reached."""

    setting: str
    """For all, below [pgbouncer]."""
    allowed: int
    owner: str
    """Of what it is the limit."""
    line: tuple[str, str] | None = None
    """Section and name of the line that says it; None: it is as for all."""

    @property
    def name(self) -> str:
        return OF_ITS_OWN[self.setting] if self.line else self.setting


def reached(snapshot: Snapshot, pool: KnownPool) -> Iterator[Reached]:
    """Yield the limits that a pool has reached, as far as the pooler shows them."""
    database, user = pool.pool.database, pool.pool.user
    if pool.size is not None and _opened([pool]) >= pool.size:
        yield size_of(snapshot, pool, pool.size)
    beside = [one for one in pools_of(snapshot) if one.pool.database == database]
    most = pool.database.max_connections if pool.database else None
    if most and _opened(beside) >= most:
        is_own = most != number(snapshot, DATABASE)
        line = ("databases", database) if is_own else None
        yield Reached(DATABASE, most, f"database {database}", line)
    of_user = [one for one in pools_of(snapshot) if one.pool.user == user]
    each = user_limit(snapshot, pool)
    if each and _opened(of_user) >= each:
        is_own = each != number(snapshot, USER)
        yield Reached(USER, each, f"user {user}", ("users", user) if is_own else None)


def size_of(snapshot: Snapshot, pool: KnownPool, size: int) -> Reached:
    """Return the size of a pool as a limit."""
    for_all, line = number(snapshot, POOL), None
    if pool.has_own_size:
        line = "users", pool.pool.user
    elif for_all is not None and size != for_all:
        line = "databases", pool.pool.database
    return Reached(POOL, size, f"pool {pool.name}", line)


def raised(limits: Iterable[tuple[Reached, int]]) -> Iterator[str]:
    """Yield the lines of the ini file that give each limit this value, and the command."""
    known = list(limits)
    for_all = [f"{one.setting} = {value}" for one, value in known if one.line is None]
    if for_all:
        yield from in_section("pgbouncer", *for_all)
    for one, value in known:
        if one.line is not None:
            section, name = one.line
            yield remark(f"In pgbouncer.ini, below [{section}], in the line of {name}:")
            yield f"--   {one.name}={value}"
    yield from console(RELOAD)


def _opened(pools: Iterable[KnownPool]) -> int:
    """Count the connections of these pools, those that are logging in included."""
    return sum((one.pool.established or 0) + (one.pool.sv_login or 0) for one in pools)
