"""pg_stat_progress_basebackup: how far each base backup is."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, gauge
from collectors._capabilities import READ_ALL_STATS

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
    left join pg_catalog.pg_stat_activity a on a.pid = p.pid
"""


@dataclass(frozen=True, slots=True)
class BaseBackup:
    pid: int
    application_name: str | None
    client_addr: str | None
    phase: str
    size_bytes: int | None
    """None: the client did not want it estimated."""
    streamed_bytes: int
    tablespaces: int
    tablespaces_streamed: int


PREFIX = "pg_stat_progress_basebackup_"
LABELS = ("application_name", "client_addr", "pid")

progress_basebackup = Collector(
    row=BaseBackup,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("pid",),
    needs=(READ_ALL_STATS,),
    metrics=(
        gauge(PREFIX + "phase", "1 for the phase that it is in.", lambda _: 1, (*LABELS, "phase")),
        gauge(
            PREFIX + "size_bytes",
            "Its size by estimate; absent where the client did not ask.",
            attrgetter("size_bytes"),
            LABELS,
        ),
        gauge(
            PREFIX + "streamed_bytes",
            "How much of it was sent.",
            attrgetter("streamed_bytes"),
            LABELS,
        ),
    ),
)
