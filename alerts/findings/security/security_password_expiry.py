"""The password of a role that is in use expires soon: its next login is then refused."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import identifier, remark
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.activity import activity
from collectors.roles import DatabaseRole, roles

REPLICATES = ("walsender",)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    warning: Annotated[Duration, FIXED] = timedelta(days=14)
    """Time before the password expires."""
    critical: Annotated[Duration, FIXED] = timedelta(days=3)
    """The same for a role that has sessions or replicates at present."""
    forgotten: Annotated[Duration, FIXED] = timedelta(days=30)
    """Time after which an expired password of a role without sessions is no longer reported."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    present = Counter(
        row.usename
        for row in snapshot.rows(activity)
        if row.backend_type in ("client backend", *REPLICATES)
    )
    for row in snapshot.rows(roles):
        if not row.can_login or row.valid_until is None:
            continue
        left, sessions = row.valid_until - snapshot.at, present[row.rolname]
        if not sessions and left < -limits.forgotten.total_seconds():
            continue  # closed on purpose
        if left < limits.warning.total_seconds():
            yield evidence(row, left, sessions, limits)


def evidence(row: DatabaseRole, left: float, sessions: int, limits: Limits) -> Evidence:
    name, used = identifier(row.rolname), sessions > 0
    near = left < limits.critical.total_seconds()
    now = f"{plural(sessions, 'session')} of it {'is' if sessions == 1 else 'are'} present"
    return Evidence(
        subject=row.rolname,
        severity=Severity.critical if near and used else Severity.warning,
        value=left,
        message=(
            f"The password of {row.rolname} {when(left)}"
            + (f"; {now}, and can't come back after that." if used else "; it has no session now.")
        ),
        facts={
            "left_seconds": left if isfinite(left) else None,
            "sessions": sessions,
            "may_replicate": row.may_replicate,
            "is_superuser": row.is_superuser,
        },
        cure=(
            remark(f"Set a new password (\\password in psql), tell it to the clients of {name},"),
            remark("then give it a new end, or none:"),
            f"ALTER ROLE {name} VALID UNTIL 'infinity';",
        ),
        check="SELECT rolname, rolvaliduntil FROM pg_catalog.pg_roles WHERE rolcanlogin;",
    )


def when(left: float) -> str:
    """Return a clause: expires in 2 days."""
    if not isfinite(left):
        return "has always been expired (VALID UNTIL '-infinity')"
    return (
        f"expires in {duration_text(left)}"
        if left > 0
        else f"expired {duration_text(abs(left))} ago"
    )


finding = Finding(
    title="Password expires",
    severities=(Severity.warning, Severity.critical),
    reads=(roles, activity),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    on=Role.primary,
    alerted_by=AlertedBy.subject,
)
