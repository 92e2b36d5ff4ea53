"""Applications that log in as a superuser: a hole in one of them is a hole in the whole machine."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.client_name import UNNAMED
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors.activity import activity
from collectors.roles import roles

BY_HAND = ("psql", "pg_dump", "pg_dumpall", "pg_restore", "pgAdmin", "DBeaver")
"""Beginnings of the names of programs that people and jobs use as a superuser."""
MANAGERS = ("Patroni", "pgBackRest", "barman", "repmgr")
"""The same of programs that manage the server itself."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    sessions: int = 2
    """Minimum number of sessions over the network of one application; a person has one."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    superusers = {row.rolname for row in snapshot.rows(roles) if row.is_superuser}
    present = Counter(
        (session.usename, session.application_name or "")
        for session in snapshot.rows(activity)
        if session.backend_type == "client backend"
        and session.client_addr is not None
        and session.usename in superusers
        and not session.is_self
        and not (session.application_name or "").startswith((*BY_HAND, *MANAGERS))
    )
    for (role, application), count in present.items():
        if count >= limits.sessions:
            yield evidence(role or "", application, count)


def evidence(role: str, application: str, count: int) -> Evidence:
    who = application or UNNAMED
    return Evidence(
        subject=f"{role} ({who})",
        severity=Severity.warning,
        value=count,
        message=(
            f"{plural(count, 'session')} of {who} came over the network as the superuser {role}:"
            " an error or a hole in it may change any data, any setting, and run programs."
        ),
        facts={"role": role, "application": application, "sessions": count},
        cure=(
            remark("1. Make a role for the application that owns its tables, or has the grants it"),
            remark("needs. 2. Move the application to it. 3. Keep the superuser for people, from"),
            remark("the machine itself (pg_hba.conf: local only)."),
        ),
        check="SELECT rolname FROM pg_catalog.pg_roles WHERE rolsuper AND rolcanlogin;",
        key=f"{role}@{application}",
    )


finding = Finding(
    title="Application as a superuser",
    severities=(Severity.warning,),
    reads=(roles, activity),
    limits=Limits(),
    judge=judge,
    unit="sessions",
    kind=FindingKind.review,
)
