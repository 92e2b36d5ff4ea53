"""pg_hba.conf lets clients of the network in without a password, or takes it in clear."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.setting_owner import SettingOwner, owner_of
from alerts.snapshot import Snapshot
from collectors.hba_rules import HbaRule, hba_rules
from collectors.settings import settings

UNREADABLE = (
    "only superusers may read pg_hba_file_rules, which shows passwords of LDAP as well;"
    " pgvigil does not ask for that right"
)
OF_THE_MACHINE = ("127.", "::1", "samehost", "localhost")
WRITTEN_BY = {
    SettingOwner.patroni: (
        "Patroni writes the file: patronictl edit-config, under postgresql.pg_hba."
    ),
    SettingOwner.cloud_native_pg: (
        "CloudNativePG writes the file: in the Cluster, under spec.postgresql.pg_hba."
    ),
}


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a password is asked for, or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(hba_rules):
        if not row.may_read:
            yield Unjudged(UNREADABLE, subject="pg_hba.conf")
        elif is_open(row) or is_in_clear(row):
            yield evidence(snapshot, row)


def is_of_network(row: HbaRule) -> bool:
    address = row.address or ""
    return row.type != "local" and bool(address) and not address.startswith(OF_THE_MACHINE)


def is_open(row: HbaRule) -> bool:
    """Whether a client of the network is believed without any proof."""
    return row.method == "trust" and is_of_network(row) and not row.asks_certificate


def is_in_clear(row: HbaRule) -> bool:
    encrypted = row.type in ("hostssl", "hostgssenc")
    return row.method == "password" and is_of_network(row) and not encrypted


def evidence(snapshot: Snapshot, row: HbaRule) -> Evidence:
    file = row.file or "pg_hba.conf"
    who = f"{row.users} from {row.address} to {row.databases}"
    if is_open(row):
        what = f"lets {who} in without any proof: every client that reaches the port"
    else:
        what = f"asks {who} for the password in clear, without encryption"
    return Evidence(
        subject=f"{file}:{row.line}",
        severity=Severity.warning,
        value=1,
        message=f"Line {row.line} of {file} {what}.",
        facts={
            "method": row.method,
            "address": row.address,
            "users": row.users,
            "databases": row.databases,
        },
        cure=cure(snapshot, row, file),
        check=(
            "SELECT line_number, type, database, user_name, address, auth_method"
            " FROM pg_catalog.pg_hba_file_rules ORDER BY line_number;"
        ),
    )


def cure(snapshot: Snapshot, row: HbaRule, file: str) -> tuple[str, ...]:
    owner = SettingOwner.files
    if snapshot.has(settings):
        owner = owner_of(snapshot.answer(settings).by("name"))
    return (
        remark("1. See that each role that comes this way has a password (scram-sha-256)."),
        remark(f"2. Write scram-sha-256 instead of {row.method} in line {row.line} of {file}."),
        *([remark(WRITTEN_BY[owner])] if owner in WRITTEN_BY else []),
        remark(
            "3. If the check shows no error in any line: SELECT pg_catalog.pg_reload_conf();"
            " it holds for new sessions."
        ),
    )


finding = Finding(
    title="Login without a password",
    severities=(Severity.warning,),
    reads=(hba_rules,),
    consults=(settings,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
