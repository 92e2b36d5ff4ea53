"""pg_stat_database: its row of shared objects, which belong to no database."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, counter

QUERY = """
    select
        checksum_failures,
        extract(epoch from checksum_last_failure)::float8   as checksum_last_failure,
        extract(epoch from stats_reset)::float8             as stats_reset
    from pg_catalog.pg_stat_database
    where datid = 0
"""


@dataclass(frozen=True, slots=True)
class SharedObjects:
    """The one row of a server: of catalogues that all databases share."""

    checksum_failures: int | None
    """None if data checksums are off. Since 18; before that, of base backups alone."""
    checksum_last_failure: float | None
    """Unix seconds."""
    stats_reset: float | None


shared_objects = Collector(
    row=SharedObjects,
    lane=Lane.normal,
    sql={140000: QUERY},
    counters=("checksum_failures",),
    epoch="stats_reset",
    metrics=(
        counter(
            "pg_stat_database_shared_checksum_failures_total",
            "Pages of shared catalogues whose checksum was wrong.",
            "checksum_failures",
        ),
    ),
)
