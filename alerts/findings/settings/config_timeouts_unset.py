"""Application roles whose sessions may wait and idle without an end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import identifier, remark
from alerts.findings.settings._rows import by_name, hidden
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.activity import activity
from collectors.role_settings import role_settings
from collectors.roles import roles
from collectors.settings import settings

IDLE = "idle_in_transaction_session_timeout"
GUARDS = (IDLE, "lock_timeout", "statement_timeout", "transaction_timeout")
"""Any one of them ends what would otherwise hold its locks for ever."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    sessions: int = 3
    """Minimum number of present sessions of a role; a person at psql knows what they do."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known = by_name(snapshot)
    guards = [known[name] for name in GUARDS if name in known]
    yield from hidden(*guards)
    if any(row.setting != "0" for row in guards):
        return
    guarded = {
        (row.rolname, row.datname)
        for row in snapshot.rows(role_settings)
        if row.name in GUARDS and not row.is_off
    }
    superusers = {row.rolname for row in snapshot.rows(roles) if row.is_superuser}
    for (role, database), count in _present(snapshot).items():
        covered = {(role, ""), ("", database), (role, database)} & guarded
        if count >= limits.sessions and role not in superusers and not covered:
            yield evidence(role, database, count)


def _present(snapshot: Snapshot) -> Counter[tuple[str, str]]:
    return Counter(
        (session.usename, session.datname)
        for session in snapshot.rows(activity)
        if session.backend_type == "client backend"
        and not session.is_self
        and session.usename
        and session.datname
    )


def evidence(role: str, database: str, count: int) -> Evidence:
    return Evidence(
        subject=f"{role} in {database}",
        severity=Severity.info,
        value=count,
        message=(
            f"{plural(count, 'session')} of {role} in {database} may wait for a lock, and be idle"
            " in a transaction, without an end, unless the application sets a timeout itself: none"
            " is set for the server, that role or database."
        ),
        facts={"role": role, "sessions": count},
        cure=(
            remark(
                "If the application sets none in its own sessions, which can't be seen from here,"
                " and once it can take one; new sessions of the role begin with it:"
            ),
            f"ALTER ROLE {identifier(role)} SET {IDLE} = '5min';",
        ),
        check=(
            "SELECT setrole::pg_catalog.regrole, setdatabase, setconfig"
            " FROM pg_catalog.pg_db_role_setting;"
        ),
        key=f"{role}@{database}",
    )


finding = Finding(
    title="No timeouts for an application",
    severities=(Severity.info,),
    reads=(settings, role_settings, roles, activity),
    limits=Limits(),
    judge=judge,
    unit="sessions",
    on=Role.primary,
    kind=FindingKind.review,
)
