"""pg_stat_slru: the small caches of transaction states; their misses slow down all sessions."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, counter

# With the names of 17, so that one rule fits all versions.
QUERY = """
    select
        case name
            when 'CommitTs' then 'commit_timestamp'
            when 'MultiXactMember' then 'multixact_member'
            when 'MultiXactOffset' then 'multixact_offset'
            when 'Notify' then 'notify'
            when 'Serial' then 'serializable'
            when 'Subtrans' then 'subtransaction'
            when 'Xact' then 'transaction'
            else name
        end                                         as name,
        blks_zeroed,
        blks_hit,
        blks_read,
        blks_written,
        blks_exists,
        flushes,
        truncates,
        extract(epoch from stats_reset)::float8     as stats_reset
    from pg_catalog.pg_stat_slru
"""


@dataclass(frozen=True, slots=True)
class Slru:
    """One cache; counters since its statistics were last reset."""

    name: str
    """As PostgreSQL 17 spells it."""
    blks_zeroed: int
    blks_hit: int
    blks_read: int
    blks_written: int
    blks_exists: int
    flushes: int
    truncates: int
    stats_reset: float | None
    """Unix seconds."""


TEXTS = {
    "blks_zeroed": "Blocks initialised.",
    "blks_hit": "Blocks found in the cache.",
    "blks_read": "Blocks read from disk.",
    "blks_written": "Blocks written to disk.",
    "blks_exists": "Blocks whose existence was checked.",
    "flushes": "Flushes of dirty blocks.",
    "truncates": "Truncations.",
}

slru = Collector(
    row=Slru,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("name",),
    counters=tuple(TEXTS),
    epoch="stats_reset",
    metrics=tuple(
        counter(f"pg_stat_slru_{column}_total", text, attrgetter(column), ("name",))
        for column, text in TEXTS.items()
    ),
)
