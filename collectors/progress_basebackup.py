"""pg_stat_progress_basebackup: progress of base backups."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, gauge
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

QUERY = """
    select
        p.pid                                   as pid,
        a.application_name                      as application_name,
        host(a.client_addr)                     as client_addr,
        p.phase                                 as phase,
        p.backup_total                          as size_bytes,
        p.backup_streamed                       as streamed_bytes,
        p.tablespaces_total                     as tablespaces,
        p.tablespaces_streamed                  as tablespaces_streamed
    from pg_catalog.pg_stat_progress_basebackup p
    left join {sessions} a on a.pid = p.pid
"""


@dataclass(frozen=True, slots=True)
class BaseBackup:
    pid: int
    application_name: str | None
    client_addr: str | None
    phase: str
    size_bytes: int | None
    """None if the client did not request an estimate."""
    streamed_bytes: int
    tablespaces: int
    tablespaces_streamed: int


PREFIX = "pg_stat_progress_basebackup_"
LABELS = ("application_name", "client_addr", "pid")

progress_basebackup = Collector(
    row=BaseBackup,
    lane=Lane.normal,
    sql={140000: without_tables(QUERY)},
    key=("pid",),
    needs=(READ_ALL_STATS,),
    metrics=(
        gauge(PREFIX + "phase", "1 for the current phase.", lambda _: 1, (*LABELS, "phase")),
        gauge(
            PREFIX + "size_bytes",
            "Estimated size; absent if the client did not request an estimate.",
            attrgetter("size_bytes"),
            LABELS,
        ),
        gauge(
            PREFIX + "streamed_bytes",
            "Bytes that were sent.",
            attrgetter("streamed_bytes"),
            LABELS,
        ),
    ),
)
