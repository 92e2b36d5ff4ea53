"""pg_control_checkpoint: the last completed checkpoint, from which a crash recovery would begin."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge
from collectors._capabilities import READ_CONTROL

# pg_current_wal_lsn() raises an error on a standby, hence the CASE.
QUERY = """
    select
        (redo_lsn - '0/0')::int8                                            as redo_lsn,
        (case when pg_is_in_recovery()
            then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else pg_current_wal_lsn()
        end - '0/0')::int8                                                  as current_lsn,
        extract(epoch from checkpoint_time)::float8                         as begun,
        extract(epoch from clock_timestamp() - checkpoint_time)::float8     as begun_seconds
    from pg_catalog.pg_control_checkpoint()
"""


@dataclass(frozen=True, slots=True)
class LastCheckpoint:
    """The one row of a server. Positions are bytes since the beginning of WAL."""

    redo_lsn: int
    """Where recovery would begin; all WAL from there on is kept."""
    current_lsn: int | None
    begun: float
    """When it began, in unix seconds; it was completed later."""
    begun_seconds: float

    @property
    def redo_bytes(self) -> int | None:
        """WAL that a crash recovery would have to replay."""
        return None if self.current_lsn is None else max(0, self.current_lsn - self.redo_lsn)


last_checkpoint = Collector(
    row=LastCheckpoint,
    lane=Lane.normal,
    sql={140000: QUERY},
    needs=(READ_CONTROL,),
    metrics=(
        gauge(
            "pg_control_checkpoint_timestamp_seconds",
            "When the last completed checkpoint began.",
            lambda row: row.begun,
        ),
        gauge(
            "pg_control_checkpoint_redo_bytes",
            "WAL that a crash recovery would have to replay.",
            lambda row: row.redo_bytes,
        ),
    ),
)
