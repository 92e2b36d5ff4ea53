"""pg_stat_wal: WAL production, and the cost of writing it."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, counter

# Since 18, writes and syncs of WAL are in pg_stat_io.
QUERY = """
    select
        w.wal_records                               as records,
        w.wal_fpi                                   as full_page_images,
        w.wal_bytes::int8                           as bytes,
        w.wal_buffers_full                          as buffers_full,
        {writes}                                    as writes,
        {syncs}                                     as syncs,
        {write_time} / 1000                         as write_seconds,
        {sync_time} / 1000                          as sync_seconds,
        extract(epoch from w.stats_reset)::float8   as stats_reset
    from pg_catalog.pg_stat_wal w
"""
FROM_IO = "(select sum({column}){cast} from pg_catalog.pg_stat_io where object = 'wal')"


@dataclass(frozen=True, slots=True)
class Wal:
    """The one row of a server; counters since its statistics were last reset."""

    records: int
    full_page_images: int
    bytes: int
    buffers_full: int
    """How often WAL had to be written because wal_buffers was full."""
    writes: int | None
    syncs: int | None
    write_seconds: float | None
    """Times are 0 while track_wal_io_timing is off."""
    sync_seconds: float | None
    stats_reset: float | None
    """Unix seconds."""


TEXTS = {
    "records": "WAL records.",
    "full_page_images": "Full-page images in WAL.",
    "bytes": "Bytes of WAL.",
    "buffers_full": "Writes of WAL because wal_buffers was full.",
    "writes": "Writes of WAL to disk.",
    "syncs": "Syncs of WAL.",
    "write_seconds": "Time spent writing WAL; 0 while track_wal_io_timing is off.",
    "sync_seconds": "Time spent syncing WAL; 0 while track_wal_io_timing is off.",
}

stat_wal = Collector(
    row=Wal,
    lane=Lane.normal,
    sql={
        140000: QUERY.format(
            writes="w.wal_write",
            syncs="w.wal_sync",
            write_time="w.wal_write_time",
            sync_time="w.wal_sync_time",
        ),
        180000: QUERY.format(
            writes=FROM_IO.format(column="writes", cast="::int8"),
            syncs=FROM_IO.format(column="fsyncs", cast="::int8"),
            write_time=FROM_IO.format(column="write_time", cast=""),
            sync_time=FROM_IO.format(column="fsync_time", cast=""),
        ),
    },
    counters=tuple(TEXTS),
    epoch="stats_reset",
    metrics=tuple(
        counter(f"pg_stat_wal_{column}_total", text, attrgetter(column))
        for column, text in TEXTS.items()
    ),
)
