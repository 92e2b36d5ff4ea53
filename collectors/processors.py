"""Cores of the server's machine, where the daemon runs on the same one; it supplies them."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge


@dataclass(frozen=True, slots=True)
class Processors:
    """Cores of the machine; a container may be allowed fewer."""

    count: int


processors: Collector[Processors] = Collector(
    row=Processors,
    lane=Lane.slow,
    metrics=(
        gauge(
            "pg_processors",
            "Cores of the server's machine; absent where pgvigil runs on another one.",
            "count",
        ),
    ),
)
