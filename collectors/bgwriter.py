"""pg_stat_bgwriter: pages written outside of checkpoints, by the background writer and others."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, Metric, counter

# Since 17, writes of backends are in pg_stat_io. As before, they are all pages not written by
# checkpointer or background writer, including extensions of relations.
QUERY = """
    select
        b.buffers_clean                             as buffers_clean,
        b.maxwritten_clean                          as maxwritten_clean,
        b.buffers_alloc                             as buffers_alloc,
        {buffers_backend}                           as buffers_backend,
        {buffers_backend_fsync}                     as buffers_backend_fsync,
        extract(epoch from b.stats_reset)::float8   as stats_reset
    from pg_catalog.pg_stat_bgwriter b
"""
FROM_IO = """(
            select {sum}::int8 from pg_catalog.pg_stat_io
            where object = 'relation'
                and backend_type not in ('checkpointer', 'background writer')
        )"""
BLOCKS = "sum(coalesce(writes, 0) + coalesce(extends, 0))"
BYTES = (
    "(sum(coalesce(write_bytes, 0) + coalesce(extend_bytes, 0))"
    " / current_setting('block_size')::int8)"
)


def from_io(pages: str) -> str:
    return QUERY.format(
        buffers_backend=FROM_IO.format(sum=pages),
        buffers_backend_fsync=FROM_IO.format(sum="sum(fsyncs)"),
    )


@dataclass(frozen=True, slots=True)
class BackgroundWriter:
    """The one row of a server; counters of pages since its statistics were last reset."""

    buffers_clean: int
    """Written by the background writer."""
    maxwritten_clean: int
    """How often it stopped because of bgwriter_lru_maxpages."""
    buffers_alloc: int
    buffers_backend: int | None
    """Written by backends that needed a free buffer."""
    buffers_backend_fsync: int | None
    stats_reset: float | None
    """Unix seconds."""


COUNTERS = {
    "buffers_clean": "Pages written by the background writer.",
    "maxwritten_clean": "How often the background writer stopped at bgwriter_lru_maxpages.",
    "buffers_alloc": "Buffers allocated.",
    "buffers_backend": "Pages that backends had to write themselves.",
    "buffers_backend_fsync": "Files that backends had to sync themselves.",
    "stats_reset": "When the statistics were last reset, in unix seconds.",
}
ON_17 = "Served on 17 and later too, from pg_stat_io."


def total(column: str) -> Metric[BackgroundWriter]:
    return counter(
        f"pg_stat_bgwriter_{column}_total",
        COUNTERS[column],
        attrgetter(column),
        note=ON_17 if "backend" in column else "",
    )


def spellings(column: str) -> tuple[Metric[BackgroundWriter], ...]:
    """Return the metric under its current name, and under its old name without `_total`."""
    return total(column), total(column).also(f"pg_stat_bgwriter_{column}")


bgwriter = Collector(
    row=BackgroundWriter,
    lane=Lane.normal,
    sql={
        140000: QUERY.format(
            buffers_backend="b.buffers_backend", buffers_backend_fsync="b.buffers_backend_fsync"
        ),
        170000: from_io(BLOCKS),
        180000: from_io(BYTES),
    },
    counters=tuple(COUNTERS)[:-1],
    epoch="stats_reset",
    metrics=tuple(metric for column in COUNTERS for metric in spellings(column)),
)
