"""The certificate of pgvigil's own pages expires soon: then Prometheus can't scrape it."""

from collections.abc import Iterator

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.findings.security._expiry import ExpiryLimits, severity, when
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.daemon import daemon


def judge(snapshot: Snapshot, limits: ExpiryLimits) -> Iterator[Outcome]:
    expires = snapshot.row(daemon).certificate_expires
    if expires is None:
        return
    if level := severity(expires - snapshot.at, limits):
        yield evidence(expires - snapshot.at, expires, level)


def evidence(left: float, expires: float, level: Severity) -> Evidence:
    return Evidence(
        subject="certificate of pgvigil",
        severity=level,
        value=left,
        message=(
            f"The certificate of pgvigil's own pages {when(left, expires)}. Then Prometheus can't"
            " scrape it, and no alert of any server is sent."
        ),
        facts={"left_seconds": left},
        cure=(
            remark("Renew it, and put it in place of cert_file in the web configuration, with its"),
            remark("key: pgvigil reads both within seconds, and needs no restart."),
        ),
        check=remark("openssl x509 -noout -enddate -in the file of tls_server_config.cert_file"),
    )


finding = Finding(
    title="Certificate of pgvigil expires",
    severities=(Severity.warning, Severity.critical),
    reads=(daemon,),
    limits=ExpiryLimits(),
    judge=judge,
    unit="seconds",
    of=Kind.daemon,
)
