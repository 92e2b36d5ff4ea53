"""pg_ls_logdir: size of the server's own log files, where its logging collector writes them."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge
from collectors._capabilities import LIST_LOG

# Without the collector there may be no such folder, and the function would fail.
QUERY = """
    select
        case
            when current_setting('logging_collector') = 'on'
            then (select coalesce(sum(size), 0)::int8 from pg_ls_logdir())
        end                                                     as size_bytes
"""


@dataclass(frozen=True, slots=True)
class LogFiles:
    """The one row of a server."""

    size_bytes: int | None
    """None where something else than PostgreSQL keeps the log."""


log_files = Collector(
    row=LogFiles,
    lane=Lane.slow,
    sql={140000: QUERY},
    needs=(LIST_LOG,),
    metrics=(
        gauge(
            "pg_log_files_size_bytes",
            "Size of the log files that the server itself keeps.",
            lambda row: row.size_bytes,
        ),
    ),
)
