"""The certificate of the server expires soon: clients that verify it will refuse to connect."""

from collections.abc import Iterator

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.security._expiry import ExpiryLimits, severity, when
from alerts.setting_owner import SettingOwner, owner_of
from alerts.snapshot import Snapshot
from collectors.certificate import certificate
from collectors.settings import settings

CHECK = (
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=)"
    " ANY (ARRAY['ssl_cert_file', 'ssl_key_file']);"
)


def judge(snapshot: Snapshot, limits: ExpiryLimits) -> Iterator[Outcome]:
    shown = snapshot.row(certificate)
    if not shown.is_shown:
        why = "our session uses no TLS, so the certificate is not shown"
        yield Unjudged(why, subject="certificate", setting="sslmode")
    elif shown.expires is None:
        yield Unjudged("the certificate can't be read", subject="certificate")
    elif level := severity(shown.expires - snapshot.at, limits):
        yield evidence(snapshot, shown.expires, level)


def evidence(snapshot: Snapshot, expires: float, level: Severity) -> Evidence:
    left = expires - snapshot.at
    return Evidence(
        subject="certificate of the server",
        severity=level,
        value=left,
        message=(
            f"The certificate of the server {when(left, expires)}. Then clients with"
            " sslmode=verify-ca or verify-full refuse to connect, standbys included."
        ),
        facts={"left_seconds": left},
        cure=cure(snapshot),
        check=CHECK,
    )


def cure(snapshot: Snapshot) -> tuple[str, ...]:
    known = snapshot.answer(settings).by("name") if snapshot.has(settings) else {}
    owner, file = owner_of(known), known.get("ssl_cert_file")
    if owner in (SettingOwner.rds, SettingOwner.cloud_sql, SettingOwner.azure):
        return (remark("The provider renews it: rotate the server certificate there."),)
    if owner is SettingOwner.cloud_native_pg:
        return (
            remark("CloudNativePG renews it from its secret: look at the secret named in"),
            remark("status.certificates.serverTLSSecret of the Cluster, and at the operator."),
        )
    name = file.setting if file and file.setting else "ssl_cert_file"
    return (
        remark(f"1. Renew it, and put the new one in place of {name} (the key beside it)."),
        remark("2. Let the server read it; sessions that are open stay open:"),
        "SELECT pg_catalog.pg_reload_conf();",
        remark("pgvigil sees the new one with its next session, within an hour."),
    )


finding = Finding(
    title="Certificate expires",
    severities=(Severity.warning, Severity.critical),
    reads=(certificate,),
    consults=(settings,),
    limits=ExpiryLimits(),
    judge=judge,
    unit="seconds",
)
