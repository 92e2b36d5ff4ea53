"""SHOW VERSION: the version of the pooler."""

import re
from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane, gauge

NUMBER = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class PoolerVersion:
    version: str
    """As PgBouncer names itself: PgBouncer 1.18.0."""

    @property
    def number(self) -> tuple[int, int] | None:
        """Its first two parts: (1, 18)."""
        found = NUMBER.search(self.version)
        return (int(found[1]), int(found[2])) if found else None


pooler_version = Collector(
    row=PoolerVersion,
    lane=Lane.slow,
    of=Kind.pgbouncer,
    console="SHOW VERSION",
    metrics=(
        gauge("pgbouncer_version_info", "The version of the pooler.", lambda _: 1, ("version",)),
    ),
)
