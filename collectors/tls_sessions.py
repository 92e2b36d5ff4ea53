"""pg_stat_ssl and pg_stat_gssapi: number of client sessions by encryption."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, gauge
from collectors._capabilities import READ_ALL_STATS

# Both views and pg_stat_activity are based on this function.
QUERY = """
    select
        case
            when ssl then 'tls'
            when gss_enc then 'gss'
            when client_addr is null then 'socket'
            else 'none'
        end                         as encryption,
        coalesce(sslversion, '')    as version,
        coalesce(sslcipher, '')     as cipher,
        count(*)                    as sessions
    from pg_catalog.pg_stat_get_activity(null)
    where backend_type in ('client backend', 'walsender')
    group by 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class TlsSessions:
    """Sessions of clients, including walsenders, with the same encryption."""

    encryption: str
    """tls, gss, none, or socket (a Unix socket, which needs no encryption)."""
    version: str
    """The TLS version, such as TLSv1.3."""
    cipher: str
    sessions: int


tls_sessions = Collector(
    row=TlsSessions,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("encryption", "version", "cipher"),
    needs=(READ_ALL_STATS,),
    metrics=(
        gauge(
            "pg_stat_ssl_sessions",
            "Sessions of clients by how they are encrypted: tls, gss, none, or a Unix socket.",
            lambda row: row.sessions,
            ("encryption", "version", "cipher"),
        ),
        Metric(
            "pg_stat_ssl_compression",
            "gauge",
            "Sessions whose TLS is compressed.",
            (),
            lambda _: (((), 0),),
            legacy=True,
            note="Always 0: PostgreSQL 14 removed compression.",
        ),
    ),
)
