"""pg_stat_statements_info: how often entries had to make room for others."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, counter

QUERY = """
    select
        dealloc                                     as dealloc,
        extract(epoch from stats_reset)::float8     as stats_reset
    from {schema}.pg_stat_statements_info
"""


@dataclass(frozen=True, slots=True)
class StatementsInfo:
    dealloc: int
    """How often the least used entries, five percent of all, were evicted."""
    stats_reset: float | None
    """Unix seconds."""


stat_statements_info = Collector(
    row=StatementsInfo,
    lane=Lane.table,
    sql={140000: QUERY},
    extension_versions={140000: "1.9"},
    counters=("dealloc",),
    epoch="stats_reset",
    extension="pg_stat_statements",
    metrics=(
        counter(
            "pg_stat_statements_dealloc_total",
            "How often pg_stat_statements evicted its least used entries to make room.",
            "dealloc",
        ),
    ),
)
