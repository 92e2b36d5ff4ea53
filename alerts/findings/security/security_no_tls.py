"""Sessions over the network without encryption: their data can be read on the way."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors.activity import activity
from collectors.tls_sessions import tls_sessions

LOOPBACK = ("127.", "::1")
STEPS = (
    "1. On the server: ssl = on with ssl_cert_file and ssl_key_file; a reload is enough.",
    "2. In the clients: sslmode=verify-full, with the certificate of your authority.",
    "3. When all have it: hostssl instead of host in pg_hba.conf, and a reload.",
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    sessions: int = 1
    """Minimum number of such sessions."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    plain = sum(row.sessions for row in snapshot.rows(tls_sessions) if row.encryption == "none")
    # The view does not tell from where; the most that can be of the machine itself is taken away.
    of_the_machine = sum(
        row.backend_type in ("client backend", "walsender")
        and (row.client_addr or "").startswith(LOOPBACK)
        for row in snapshot.rows(activity)
    )
    if plain - of_the_machine >= limits.sessions:
        yield evidence(plain - of_the_machine)


def evidence(count: int) -> Evidence:
    return Evidence(
        subject="sessions without TLS",
        severity=Severity.info,
        value=count,
        message=(
            f"At least {plural(count, 'session')} came over the network without encryption: what"
            " they send and receive can be read, and changed, on the way."
        ),
        facts={"sessions": count},
        cure=tuple(map(remark, STEPS)),
        check=(
            "SELECT a.usename, a.client_addr, s.ssl FROM pg_catalog.pg_stat_ssl s"
            " JOIN pg_catalog.pg_stat_activity a"
            " ON a.pid OPERATOR(pg_catalog.=) s.pid WHERE NOT s.ssl;"
        ),
    )


finding = Finding(
    title="Sessions without encryption",
    severities=(Severity.info,),
    reads=(tls_sessions, activity),
    limits=Limits(),
    judge=judge,
    unit="sessions",
    kind=FindingKind.review,
)
