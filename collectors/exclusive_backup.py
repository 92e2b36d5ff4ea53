"""Exclusive backup of the server, which was removed in PostgreSQL 15."""

from dataclasses import dataclass

from collectors._base import Collector, Lane

QUERY = """
    select
        {is_open}       as is_open,
        {open_seconds}  as open_seconds
"""


@dataclass(frozen=True, slots=True)
class ExclusiveBackup:
    """The one row of a server."""

    is_open: bool
    """Whether there is a backup_label, also one that was left over; False since 15."""
    open_seconds: float | None
    """Seconds since the backup began, by what the file says."""


exclusive_backup = Collector(
    row=ExclusiveBackup,
    lane=Lane.slow,
    sql={
        140000: QUERY.format(
            is_open="pg_is_in_backup()",
            open_seconds="extract(epoch from clock_timestamp() - pg_backup_start_time())::float8",
        ),
        150000: QUERY.format(is_open="false", open_seconds="null::float8"),
    },
)
