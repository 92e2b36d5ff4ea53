"""Sessions of the server that are connections of a watched pooler; the daemon supplies them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample


@dataclass(frozen=True, slots=True)
class PooledSession:
    pid: int
    pooler: str
    database: str
    """As the pooler names it."""
    user: str
    """Role of the pool."""
    client: str | None = None
    """Address of the client that holds the connection; None while none does, or unknown."""
    application: str | None = None
    """Name that this client gave itself."""

    @property
    def pool(self) -> str:
        return f"{self.database}/{self.user} of {self.pooler}"


def _counted(rows: Sequence[PooledSession]) -> Iterable[Sample]:
    return Counter((row.pooler, f"{row.database}/{row.user}") for row in rows).items()


pooled_sessions: Collector[PooledSession] = Collector(
    row=PooledSession,
    lane=Lane.normal,
    metrics=(
        Metric(
            "pgvigil_pooled_sessions",
            "gauge",
            "Sessions of the server that are connections of a watched pooler.",
            ("pooler", "pool"),
            _counted,
        ),
    ),
)
