"""OID ranges: a query with as many rows as a database has tables is asked for one range at a time.

A cursor would do the same, but it needs a transaction, and that holds back VACUUM.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from collectors._base import ALL, AnyCollector
from monitor.postgres.session import Session

Range = tuple[int, int]
TABLES = 5000
"""Tables in a range."""
LAST = 300.0
"""Seconds after which tables are counted again: until then queries stay word for word the same, and
the server needs to plan them only once."""
CUTS = """
    select coalesce(array_agg(oid order by oid), '{}') as cuts
    from (
        select oid, row_number() over (order by oid) as place
        from pg_catalog.pg_class where relkind in ('r', 'm', 'p')
    ) numbered
    where place % {tables} = 0
"""


@dataclass(slots=True)
class OidRanges:
    """The ranges of each database of one server."""

    server: tuple[str | None, str] | None = None
    """The server they were counted on; nothing of it holds for another, or after a restart."""
    counted: dict[str, tuple[float, list[Range]]] = field(default_factory=dict)
    """By database: unix seconds of the count, and the ranges."""
    rows: dict[tuple[AnyCollector, str], int] = field(default_factory=dict)
    """Number of rows that a collector last brought, by database."""

    async def of(
        self, collector: AnyCollector, session: Session, deadline: float, now: float
    ) -> list[Range]:
        """Ranges for one collector in the database of that session. Raises ReadFailure."""
        identity = session.identity
        if identity.server != self.server:
            self.server, self.counted, self.rows = identity.server, {}, {}
        rows = self.rows.get((collector, identity.database))
        if rows is not None and rows < TABLES // 2:
            return [ALL]
        at, ranges = self.counted.get(identity.database, (None, []))
        if at is None or now - at > LAST:
            [record] = await session.fetch(CUTS.replace("{tables}", str(TABLES)), deadline)
            ranges = between(record["cuts"])
            self.counted[identity.database] = now, ranges
        return ranges

    def learn(self, collector: AnyCollector, session: Session, rows: int) -> None:
        """Remember how many rows came: few are asked for in one go."""
        self.rows[collector, session.identity.database] = rows


def between(cuts: list[int]) -> list[Range]:
    """Ranges that end at these OIDs, and one for the rest."""
    first, last = ALL
    return [(low + 1, high) for low, high in pairwise([first - 1, *cuts, last])]
