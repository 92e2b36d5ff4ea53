"""pg_buffercache_summary(), since 16: use of shared buffers. It reads all buffer headers."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, gauge
from collectors._capabilities import READ_ALL_STATS

QUERY = """
    select buffers_used, buffers_unused, buffers_dirty, buffers_pinned, usagecount_avg
    from {schema}.pg_buffercache_summary()
"""


@dataclass(frozen=True, slots=True)
class BufferCache:
    """The one row of a server."""

    buffers_used: int
    buffers_unused: int
    buffers_dirty: int
    buffers_pinned: int
    usagecount_avg: float | None
    """None while no buffer is used."""


TEXTS = {
    "buffers_used": "Shared buffers in use.",
    "buffers_unused": "Shared buffers that are free.",
    "buffers_dirty": "Dirty shared buffers.",
    "buffers_pinned": "Pinned shared buffers.",
    "usagecount_avg": "Mean usage count of the used buffers.",
}

buffercache_summary = Collector(
    row=BufferCache,
    lane=Lane.slow,
    sql={160000: QUERY},
    needs=(READ_ALL_STATS,),
    extension="pg_buffercache",
    extension_versions={160000: "1.4"},
    metrics=tuple(
        gauge(f"pg_buffercache_summary_{column}", text, attrgetter(column))
        for column, text in TEXTS.items()
    ),
)
