"""Sizing of a pool: what arrives at a database, how long clients wait, and what size they need."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alerts.pooler.pools import SESSION, KnownPool, pools_of
from alerts.pooler.queueing import Load, mean_wait, size_for
from alerts.snapshot import Snapshot, Unknown
from collectors.activity import activity
from collectors.pooler_stats import PoolerStats, pooler_stats
from collectors.stat_statements import stat_statements

GUESSED = (0.5, 4.0)
"""Squared variation of service times that is assumed where statements are not known: from nearly
equal ones to a few that are long."""
FEW = 50
"""Transactions below which nothing is calculated."""


@dataclass(frozen=True, slots=True)
class Variation:
    """Squared coefficient of variation of service times, as a range; equal ends where measured."""

    least: float
    most: float

    @property
    def is_measured(self) -> bool:
        return self.least == self.most


@dataclass(frozen=True, slots=True)
class Sizing:
    """One database of the pooler, over the time between two looks. Times are seconds."""

    database: str
    seconds: float
    transactions: int
    arrivals: float
    service: float
    waited: float
    """Mean wait as PgBouncer counted it."""
    variation: Variation
    pools: tuple[KnownPool, ...]

    @property
    def is_session(self) -> bool:
        """Whether clients hold connections while they do nothing, which this can't calculate."""
        return any(pool.pool.pool_mode == SESSION for pool in self.pools)

    @property
    def whole_size(self) -> int | None:
        """Of all its pools together."""
        sizes = [pool.size for pool in self.pools]
        return None if None in sizes else sum(size for size in sizes if size)

    def load(self, variation: float) -> Load:
        return Load(self.arrivals, self.service, variation)

    @property
    def busy(self) -> float:
        return self.arrivals * self.service

    def wait_at(self, size: int) -> tuple[float, float]:
        """Return the least and the most mean wait that a pool of this size leads to."""
        return (
            mean_wait(self.load(self.variation.least), size),
            mean_wait(self.load(self.variation.most), size),
        )

    def size_for(self, wished: float) -> int | None:
        """Return the smallest size that keeps the wished mean wait, whatever the variation is."""
        return size_for(self.load(self.variation.most), wished)


def sizings(before: Snapshot, after: Snapshot) -> Iterator[Sizing]:
    """Yield each database that had transactions between two looks. Raises Unknown.

    The peers of both are the servers behind, as they were then.
    """
    seconds = after.answer(pooler_stats).at - before.answer(pooler_stats).at
    old = before.answer(pooler_stats).by("database")
    pools = [pool for pool in pools_of(after) if pool.database]
    if seconds <= 0:
        raise Unknown("there is only one look at it")
    for row in after.rows(pooler_stats):
        own = tuple(pool for pool in pools if pool.pool.database == row.database)
        if own and row.database in old and (found := _of(old[row.database], row, seconds)):
            count, service, waited = found
            name = (own[0].database and own[0].database.database) or row.database
            users = {_user(pool) for pool in own}
            yield Sizing(
                database=row.database,
                seconds=seconds,
                transactions=count,
                arrivals=count / seconds,
                service=service,
                waited=waited,
                variation=variation(before, after, name, users, count, service),
                pools=own,
            )


def _user(pool: KnownPool) -> str:
    """Return the role that the pool has on the server."""
    forced = pool.database.force_user if pool.database else None
    return forced or pool.pool.user


def _of(old: PoolerStats, new: PoolerStats, seconds: float) -> tuple[int, float, float] | None:
    count = (new.total_xact_count or 0) - (old.total_xact_count or 0)
    if count <= 0:
        return None
    spent = (new.total_xact_time or 0) - (old.total_xact_time or 0)
    waited = (new.total_wait_time or 0) - (old.total_wait_time or 0)
    # PgBouncer's time of a transaction begins when the client asks, so it includes the wait.
    return count, max(0, spent - waited) / count / 1e6, waited / count / 1e6


def variation(
    before: Snapshot, after: Snapshot, database: str, users: set[str], count: int, service: float
) -> Variation:
    """Return the variation of the times that these users' transactions hold a connection.

    Their squares are those of statements between two looks at the servers behind. A transaction
    of several statements has a larger square than their sum, so then it is too low.
    """
    old, new = _squares(before.peers, database, users), _squares(after.peers, database, users)
    if old is None or new is None or new <= old or service <= 0:
        return Variation(*GUESSED)
    measured = max(0.0, (new - old) / count / service**2 - 1)
    return Variation(measured, measured)


def _squares(servers: Iterable[Snapshot], database: str, users: set[str]) -> float | None:
    """Return the sum of the squared times of their statements since the statistics were reset."""
    known = [server for server in servers if server.has(stat_statements)]
    if not known:
        return None
    return sum(
        row.square_seconds
        for server in known
        for row in server.rows(stat_statements)
        if row.datname == database and row.usename in users
    )


def active_sessions(servers: Iterable[Snapshot]) -> int | None:
    """Return how many client sessions are active on the servers behind; None: unknown."""
    known = [server for server in servers if server.has(activity)]
    if not known:
        return None
    return sum(
        session.state == "active" and session.backend_type == "client backend"
        for server in known
        for session in server.rows(activity)
        if not session.is_self
    )
