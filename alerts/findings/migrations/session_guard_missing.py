"""A role changes schemas without a lock_timeout: its wait for a lock is a standstill for others."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.client_name import session_name
from alerts.cure import identifier, remark
from alerts.limits import FIXED, BaseLimits
from alerts.locks.ddl_waits import DDL_WAITS, DdlWait
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.activity import activity
from collectors.locks import locks
from collectors.role_settings import role_settings
from collectors.settings import settings

GUARD = "lock_timeout"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    waited: Annotated[Duration, FIXED] = timedelta(seconds=10)
    """Time that a schema change has waited for its lock: with a useful lock_timeout it had given
    up before."""
    window: Annotated[Duration, FIXED] = timedelta(days=7)
    """Time for which such a wait is reported."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = snapshot.answer(settings).by("name").get(GUARD)
    if server is None or server.setting is None:
        yield Unjudged("lock_timeout of the server is not known", subject=GUARD)
        return
    guarded = {
        (row.rolname, row.datname)
        for row in snapshot.rows(role_settings)
        if row.name == GUARD and not row.is_off
    }
    for (role, database), wait in snapshot.of(DDL_WAITS).items():
        covered = {(role, ""), ("", database), (role, database)} & guarded
        is_recent = snapshot.at - wait.at <= limits.window.total_seconds()
        is_long = wait.seconds >= limits.waited.total_seconds()
        if is_recent and is_long and server.setting == "0" and not covered:
            yield evidence(role, database, wait)


def evidence(role: str, database: str, wait: DdlWait) -> Evidence:
    who = session_name(role, wait.application)
    where, name = identifier(database), identifier(role)
    return Evidence(
        subject=f"{role} in {database}",
        severity=Severity.warning,
        value=wait.seconds,
        message=(
            f"A schema change by {who} in {database} waited {duration_text(wait.seconds)} for"
            f" {wait.relation}, and no lock_timeout is set: while it waits, every later statement"
            " on that table waits behind it."
        ),
        facts={
            "role": role,
            "relation": wait.relation,
            "statement": wait.statement,
            "longest_wait_seconds": wait.seconds,
        },
        cure=(
            remark(f"If {role} only runs migrations, all its new sessions begin with it:"),
            f"ALTER ROLE {name} IN DATABASE {where} SET {GUARD} = '5s';",
            remark("If the application is that role, too, its updates would give up as well: set"),
            remark("it where the migration connects instead, such as PGOPTIONS='-c"),
            remark("lock_timeout=5s', or at the head of its files. It then fails quickly: let it"),
            remark("be repeated, and end transactions that are open for long."),
        ),
        check=(
            "SELECT setrole::pg_catalog.regrole, setdatabase, setconfig"
            " FROM pg_catalog.pg_db_role_setting;"
        ),
        key=f"{role}@{database}",
    )


finding = Finding(
    title="Schema changes without lock_timeout",
    severities=(Severity.warning,),
    reads=(locks, activity, settings, role_settings),
    history=(DDL_WAITS,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    on=Role.primary,
    kind=FindingKind.review,
)
