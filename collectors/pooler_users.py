"""SHOW USERS: what users of the pooler have of their own; most of it since 1.24."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane


@dataclass(frozen=True, slots=True)
class PoolerUser:
    """None: the user has no value of its own, or the version does not tell."""

    name: str
    pool_mode: str | None
    pool_size: int | None
    """Since 1.24; it counts before that of the database."""
    reserve_pool_size: int | None
    max_user_connections: int | None
    """In force for this user, its own or that of all; 0: not limited."""


pooler_users = Collector(
    row=PoolerUser,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW USERS",
    key=("name",),
)
