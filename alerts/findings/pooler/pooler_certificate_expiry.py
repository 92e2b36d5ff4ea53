"""The certificate of the pooler expires soon: clients that verify it will refuse to connect."""

from collections.abc import Iterator

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.security._expiry import ExpiryLimits, severity, when
from alerts.pooler.advice import RELOAD, console
from alerts.pooler.pools import setting
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_connection import pooler_connection


def judge(snapshot: Snapshot, limits: ExpiryLimits) -> Iterator[Outcome]:
    shown = snapshot.row(pooler_connection)
    if not shown.up:
        yield Unjudged("the console does not answer", subject="certificate")
    elif not shown.is_encrypted:
        why = "our connection uses no TLS, so the certificate is not shown"
        yield Unjudged(why, subject="certificate", setting="poolers.NAME.dsn: sslmode")
    elif shown.certificate_expires is None:
        yield Unjudged("the certificate can't be read", subject="certificate")
    elif level := severity(shown.certificate_expires - snapshot.at, limits):
        yield evidence(snapshot, shown.certificate_expires, level)


def evidence(snapshot: Snapshot, expires: float, level: Severity) -> Evidence:
    left = expires - snapshot.at
    file = setting(snapshot, "client_tls_cert_file") or "client_tls_cert_file"
    return Evidence(
        subject="certificate of the pooler",
        severity=level,
        value=left,
        message=(
            f"The certificate of the pooler {when(left, expires)}. Then clients with"
            " sslmode=verify-ca or verify-full refuse to connect."
        ),
        facts={"left_seconds": left},
        cure=(
            remark(f"1. Renew it, and put the new one in place of {file} (the key beside it)."),
            remark("2. Let PgBouncer read it; no client is dropped:"),
            *console(RELOAD),
        ),
        check="",
    )


finding = Finding(
    title="Certificate of the pooler expires",
    severities=(Severity.warning, Severity.critical),
    reads=(pooler_connection,),
    consults=(pooler_config,),
    limits=ExpiryLimits(),
    judge=judge,
    of=Kind.pgbouncer,
    unit="seconds",
)
