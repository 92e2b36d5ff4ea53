"""Ranges of tables: what may be as long as a database has tables is asked for in pieces.

A cursor would do the same, but it needs a transaction, and that holds back VACUUM.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from collectors._base import ALL
from monitor.postgres.session import Session

Range = tuple[int, int]
TABLES = 5000
"""So many in a range."""
LAST = 300.0
"""Seconds after which it is counted anew: until then queries stay word for word the same, and the
server needs to plan them only once."""
CUTS = """
    select coalesce(array_agg(oid order by oid), '{}') as cuts
    from (
        select oid, row_number() over (order by oid) as place
        from pg_catalog.pg_class where relkind in ('r', 'm', 'p')
    ) numbered
    where place % {tables} = 0
"""


@dataclass(slots=True)
class Ranges:
    """Of each database, as they were counted last."""

    known: dict[str, tuple[float, list[Range]]] = field(default_factory=dict)

    async def of(
        self, session: Session, deadline: float, now: float, rows: int | None
    ) -> list[Range]:
        """Of the database where that session is, where the last answer had so many rows.

        Raises QueryFailure.
        """
        if rows is not None and rows < TABLES // 2:
            return [ALL]
        database = session.identity.database
        counted, ranges = self.known.get(database, (None, []))
        if counted is None or now - counted > LAST:
            [record] = await session.fetch(CUTS.replace("{tables}", str(TABLES)), deadline)
            ranges = between(record["cuts"])
            self.known[database] = now, ranges
        return ranges


def between(cuts: list[int]) -> list[Range]:
    """Ranges that end at these, and one for the rest."""
    first, last = ALL
    return [(low + 1, high) for low, high in pairwise([first - 1, *cuts, last])]
