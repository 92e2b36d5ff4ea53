"""Server identity: version, role, start time, system identifier and timeline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample, gauge
from collectors._capabilities import READ_CONTROL

# After a promotion, the last checkpoint stays on the old timeline for a while. The new timeline is
# in the name of a primary's WAL file (hexadecimal), and in what a standby receives.
QUERY = """
    select
        current_setting('server_version_num')::int4                      as version_num,
        current_setting('server_version')                                as server_version,
        version()                                                        as version,
        recovering                                                       as in_recovery,
        case when recovering then 'standby' else 'primary' end           as role,
        pg_postmaster_start_time()::text                                 as postmaster_start_text,
        extract(epoch from pg_postmaster_start_time())::float8           as postmaster_start,
        extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8
                                                                         as postmaster_seconds,
        (select system_identifier::text from pg_control_system())        as system_identifier,
        case
            when recovering then coalesce(
                (select received_tli from pg_catalog.pg_stat_wal_receiver),
                (select timeline_id from pg_control_checkpoint())
            )
            else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int4
        end                                                              as timeline,
        (select extract(epoch from stats_reset)::float8 from pg_catalog.pg_stat_bgwriter)
                                                                         as stats_reset
    from (select pg_is_in_recovery() as recovering offset 0) as now
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The one row of a server."""

    version_num: int
    """180004"""
    server_version: str
    """As PostgreSQL prints it: 18.4."""
    version: str
    """The full text, with platform and compiler."""
    in_recovery: bool
    role: str
    """`primary` or `standby`."""
    postmaster_start_text: str
    postmaster_start: float
    """Unix seconds."""
    postmaster_seconds: float
    """Uptime in seconds."""
    system_identifier: str
    timeline: int | None
    stats_reset: float | None
    """Unix seconds; changes when the server-wide statistics are reset."""

    @property
    def short_version(self) -> str:
        """The version as three numbers, 18.4.0, for tools that compare versions."""
        return f"{self.version_num // 10000}.{self.version_num % 10000}.0"


def static(rows: Sequence[Server]) -> Iterator[Sample]:
    for row in rows:
        yield (row.version, row.short_version), 1


server = Collector(
    row=Server,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("system_identifier",),
    needs=(READ_CONTROL,),
    metrics=(
        Metric(
            "pg_static",
            "untyped",
            "The version of the server, as labels.",
            ("version", "short_version"),
            static,
            note="The label server is present on pages with several servers.",
        ),
        gauge(
            "pg_postmaster_start_time_seconds",
            "When the server was started.",
            lambda row: row.postmaster_start,
        ),
        gauge(
            "pg_postmaster_uptime_seconds",
            "Uptime of the server.",
            lambda row: row.postmaster_seconds,
        ),
    ),
)
