"""pg_ls_waldir: size of WAL, and files that wait for the archiver. It reads every file's size."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, gauge
from collectors._capabilities import LIST_WAL

# The end of WAL is read before the files are listed, so that none is finished in between unseen;
# pg_current_wal_lsn() raises an error on a standby, hence the CASE.
QUERY = """
    select
        count(name)                                                         as segments,
        coalesce(sum(size), 0)::int8                                        as size_bytes,
        queue.ready                                                         as ready,
        queue.ready_seconds                                                 as ready_seconds,
        queue.lsn                                                           as lsn
    from (
        select
            here.lsn                                                        as lsn,
            count(name)                                                     as ready,
            extract(epoch from clock_timestamp() - min(modification))::float8 as ready_seconds
        from (
            select (case when pg_is_in_recovery()
                then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                else pg_current_wal_lsn()
            end - '0/0')::int8 as lsn
        ) as here
        left join lateral (
            select name, modification
            from pg_catalog.pg_ls_archive_statusdir()
            where name like '%.ready' and coalesce(here.lsn, 0) >= 0
        ) as waiting on true
        group by here.lsn
    ) as queue
    left join pg_catalog.pg_ls_waldir() on name ~ '^[0-9A-F]{24}$'
    group by queue.lsn, queue.ready, queue.ready_seconds
"""


@dataclass(frozen=True, slots=True)
class WalDirectory:
    """The one row of a server."""

    segments: int
    """Including files kept for reuse."""
    size_bytes: int
    ready: int
    """Files that wait to be archived."""
    ready_seconds: float | None = None
    """How long the first of them has waited; None while none waits."""
    lsn: int | None = None
    """The end of WAL just before the files were listed, in bytes since the beginning of WAL."""


ready: Metric[WalDirectory] = gauge(
    "pg_wal_archive_ready_files",
    "Files that wait to be archived.",
    lambda row: row.ready,
)

wal_directory = Collector(
    row=WalDirectory,
    lane=Lane.slow,
    sql={140000: QUERY},
    needs=(LIST_WAL,),
    metrics=(
        gauge("pg_wal_segments", "Files of WAL.", lambda row: row.segments),
        gauge("pg_wal_size_bytes", "Size of all files of WAL.", lambda row: row.size_bytes),
        ready,
        ready.also("pg_archiver_pending_wal_count"),
    ),
)
