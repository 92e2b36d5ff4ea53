"""pg_stat_ssl and pg_stat_gssapi, counted: how clients' sessions are encrypted, or are not."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, gauge
from collectors._capabilities import READ_ALL_STATS

# Both views and pg_stat_activity are cuts of this one function.
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
    """Sessions of clients, walsenders included, that are encrypted alike."""

    encryption: str
    """tls, gss, none; socket is a Unix socket, which needs none."""
    version: str
    """Of TLS: TLSv1.3."""
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
            note="Always 0: PostgreSQL 14 did away with it.",
        ),
    ),
)
