"""pg_stat_io, since 16: reads and writes by backend type, object and context."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, Metric, Sample

QUERY = """
    select
        backend_type,
        object,
        context,
        reads,
        {read_bytes}::int8                          as read_bytes,
        read_time / 1000                            as read_seconds,
        writes,
        {write_bytes}::int8                         as write_bytes,
        write_time / 1000                           as write_seconds,
        writebacks,
        writeback_time / 1000                       as writeback_seconds,
        extends,
        {extend_bytes}::int8                        as extend_bytes,
        extend_time / 1000                          as extend_seconds,
        hits,
        evictions,
        reuses,
        fsyncs,
        fsync_time / 1000                           as fsync_seconds,
        extract(epoch from stats_reset)::float8     as stats_reset
    from pg_catalog.pg_stat_io
"""


@dataclass(frozen=True, slots=True)
class Io:
    """I/O of one backend type on one type of object; None if it never does that."""

    backend_type: str
    object: str
    """relation, temp relation, and since 18 wal."""
    context: str
    """normal, vacuum, bulkread, bulkwrite, and since 18 init."""
    reads: int | None
    read_bytes: int | None
    read_seconds: float | None
    """Times are 0 while track_io_timing (for WAL: track_wal_io_timing) is off."""
    writes: int | None
    write_bytes: int | None
    write_seconds: float | None
    writebacks: int | None
    writeback_seconds: float | None
    extends: int | None
    extend_bytes: int | None
    extend_seconds: float | None
    hits: int | None
    evictions: int | None
    reuses: int | None
    fsyncs: int | None
    fsync_seconds: float | None
    stats_reset: float | None
    """Unix seconds."""

    @property
    def happened(self) -> bool:
        return any(_operations(self))


OPERATIONS = {
    "reads": "Read operations.",
    "writes": "Write operations.",
    "writebacks": "Pages that the kernel was asked to write back.",
    "extends": "Extensions of relations.",
    "hits": "Pages found in shared (or local) buffers.",
    "evictions": "Pages evicted to make room for others.",
    "reuses": "Pages of a ring buffer that were reused.",
    "fsyncs": "fsync calls.",
}
_operations = attrgetter(*OPERATIONS)
MEASURES = {
    **{f"{name}_bytes": f"Bytes of {name} operations." for name in ("read", "write", "extend")},
    **{
        f"{name}_seconds": f"Time spent in {name} operations."
        for name in ("read", "write", "writeback", "extend", "fsync")
    },
}
LABELS = ("backend_type", "object", "context")


def total(column: str, text: str) -> Metric[Io]:
    """Keep only rows with activity: nine tenths of the view are zeros that never change."""

    def samples(rows: Sequence[Io]) -> Iterator[Sample]:
        for row in rows:
            if row.happened:
                yield (row.backend_type, row.object, row.context), getattr(row, column)

    return Metric(f"pg_stat_io_{column}_total", "counter", text, LABELS, samples)


stat_io = Collector(
    row=Io,
    lane=Lane.normal,
    sql={
        160000: QUERY.format(
            read_bytes="reads * op_bytes",
            write_bytes="writes * op_bytes",
            extend_bytes="extends * op_bytes",
        ),
        180000: QUERY.format(
            read_bytes="read_bytes", write_bytes="write_bytes", extend_bytes="extend_bytes"
        ),
    },
    key=LABELS,
    counters=(*OPERATIONS, *MEASURES),
    epoch="stats_reset",
    metrics=tuple(total(column, text) for column, text in (OPERATIONS | MEASURES).items()),
)
