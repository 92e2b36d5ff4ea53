"""Waste: from how many bytes on it is reported, in a database of a given size."""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Share
from collectors.database_sizes import database_sizes


@dataclass(frozen=True, slots=True)
class WasteLimits(BaseLimits):
    slack = 0.75

    min_share: Share = 0.4
    """Share of the file that a rewrite would free; below 30 % is normal."""
    min_bytes: Bytes = 1024**3
    """Space that a rewrite would free, from which it is reported."""
    min_database_share: Share = 0.1
    """Or this share of its database, for small databases."""
    floor_bytes: Bytes = 10 * 1024**2
    """Minimum space from which that share counts; less than min_bytes."""

    @property
    def least_bytes(self) -> float:
        """Return the bytes below which no file can waste enough, in whatever database."""
        return min(self.min_bytes, self.floor_bytes)

    def news_in(self, database_bytes: int | None) -> float:
        """Return the bytes that must be wasted in a database of that size."""
        if database_bytes is None:
            return self.min_bytes
        return min(self.min_bytes, max(self.floor_bytes, self.min_database_share * database_bytes))

    def reached(self, share: float, file_bytes: int, needed: float) -> bool:
        return share >= self.min_share and share * file_bytes >= needed


def news(snapshot: Snapshot, limits: WasteLimits) -> Callable[[str], float]:
    """Return the bytes that must be wasted, by the size of the database."""
    rows = snapshot.rows(database_sizes) if snapshot.has(database_sizes) else ()
    needed = {row.datname: limits.news_in(row.size_bytes) for row in rows}
    return lambda database: needed.get(database, limits.news_in(None))
