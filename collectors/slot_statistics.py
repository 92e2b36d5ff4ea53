"""pg_stat_replication_slots: what logical decoding had to write to disk."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, counter

QUERY = """
    select
        slot_name::text                                 as slot_name,
        spill_txns,
        spill_count,
        spill_bytes,
        stream_txns,
        stream_bytes,
        total_txns,
        total_bytes,
        extract(epoch from stats_reset)::float8         as stats_reset
    from pg_catalog.pg_stat_replication_slots
"""


@dataclass(frozen=True, slots=True)
class SlotStatistics:
    """One logical slot; counters since its statistics were last reset."""

    slot_name: str
    spill_txns: int
    """Transactions that did not fit into logical_decoding_work_mem."""
    spill_count: int
    spill_bytes: int
    stream_txns: int
    """Large transactions that were sent before their commit."""
    stream_bytes: int
    total_txns: int
    total_bytes: int
    stats_reset: float | None
    """Unix seconds."""


TEXTS = {
    "spill_txns": "Transactions that logical decoding spilled to disk.",
    "spill_count": "How often logical decoding spilled to disk.",
    "spill_bytes": "Bytes that logical decoding spilled to disk.",
    "stream_txns": "Transactions that were streamed before their commit.",
    "stream_bytes": "Bytes that were streamed before their commit.",
    "total_txns": "Decoded transactions.",
    "total_bytes": "Decoded bytes.",
}

slot_statistics = Collector(
    row=SlotStatistics,
    lane=Lane.slow,
    sql={140000: QUERY},
    key=("slot_name",),
    counters=tuple(TEXTS),
    epoch="stats_reset",
    metrics=tuple(
        counter(
            f"pg_stat_replication_slots_{column}_total", text, attrgetter(column), ("slot_name",)
        )
        for column, text in TEXTS.items()
    ),
)
