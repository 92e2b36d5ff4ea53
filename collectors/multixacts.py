"""pg_control_checkpoint: multixact IDs and the entries of their members, as of a checkpoint."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, counter, gauge
from collectors._capabilities import READ_CONTROL

QUERY = """
    select
        next_multixact_id::text::int8                       as next_mxid,
        oldest_multi_xid::text::int8                        as oldest_mxid,
        next_multi_offset::text::int8                       as next_member,
        extract(epoch from checkpoint_time)::float8         as checkpoint_at
    from pg_control_checkpoint()
"""


@dataclass(frozen=True, slots=True)
class Multixacts:
    """The one row of a server; both numbers wrap around at 2^32."""

    next_mxid: int
    oldest_mxid: int
    """The oldest that any database may still need."""
    next_member: int
    """Where the members of the next one will begin."""
    checkpoint_at: float
    """Unix seconds."""


multixacts = Collector(
    row=Multixacts,
    lane=Lane.slow,
    sql={140000: QUERY},
    needs=(READ_CONTROL,),
    metrics=(
        counter(
            "pg_multixact_ids_assigned_total",
            "Multixact IDs assigned, as of the last checkpoint; starts again at 2^32.",
            lambda row: row.next_mxid,
        ),
        counter(
            "pg_multixact_members_written_total",
            "Members of multixacts written, as of the last checkpoint; starts again at 2^32.",
            lambda row: row.next_member,
        ),
        gauge(
            "pg_multixact_oldest_id",
            "The oldest multixact ID that may still be needed.",
            lambda row: row.oldest_mxid,
        ),
    ),
)
