"""A connection limit (of the server, a role, a database) is nearly reached: clients are refused."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.client_name import session_name
from alerts.connections import client_sessions, dispensable, terminate_idle, usable_slots
from alerts.cure import ACTIVITY, equals, identifier, literal, remark, since
from alerts.limits import BaseLimits
from alerts.pooler.pooled import Pooled
from alerts.setting_owner import change
from alerts.snapshot import NOT_YET, Snapshot
from alerts.units import Share, share_text
from collectors._base import Collector
from collectors.activity import Session, activity
from collectors.databases import Database, databases
from collectors.pooled_sessions import pooled_sessions
from collectors.roles import DatabaseRole, roles
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    taken: Share = 0.75
    """Share of the available connections; bursts of a quarter are common."""
    taken_critical: Share = 0.9
    """Share from which it is critical: the next burst, or an application's restart, is refused."""
    smallest: int = 3
    """Smallest limit of a role or database that is judged; smaller ones are full on purpose."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A connection limit, and the sessions that count for it."""

    subject: str
    whose: str
    size: int
    sessions: Sequence[Session]
    database: str | None = None
    only: str = ""
    """SQL condition that selects these sessions, if not all count."""
    advice: Callable[[], tuple[str, ...]] = tuple
    """Returns how to raise the limit itself, as comments; only asked where it is needed."""

    @property
    def taken(self) -> float:
        return len(self.sessions) / self.size


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    sessions = client_sessions(snapshot.rows(activity))
    for ceiling in ceilings(snapshot, sessions, limits):
        if ceiling.taken >= limits.taken:
            yield evidence(ceiling, limits, Pooled.among(snapshot, ceiling.sessions))
    own_limits: tuple[tuple[str, Collector[DatabaseRole] | Collector[Database]], ...] = (
        ("limits of roles", roles),
        ("limits of databases", databases),
    )
    for subject, collector in own_limits:
        if not snapshot.has(collector):
            why = snapshot.absent.get(collector, NOT_YET)
            yield Unjudged(f"{collector.name}: {why.reason}", subject=subject, grant=why.grant)


def ceilings(snapshot: Snapshot, sessions: Sequence[Session], limits: Limits) -> Iterator[Ceiling]:
    size = usable_slots(snapshot)
    whose = "are available to ordinary roles"
    advice = partial(raise_limit, snapshot)
    yield Ceiling("connection slots", whose, size, sessions, advice=advice)
    by_role, by_database = grouped(sessions, "usename"), grouped(sessions, "datname")
    for role in snapshot.rows(roles) if snapshot.has(roles) else ():
        own = by_role.get(role.rolname, [])
        if role.connection_limit >= limits.smallest and not role.is_superuser and not _ours(own):
            yield of_role(role, own)
    for database in snapshot.rows(databases) if snapshot.has(databases) else ():
        if database.connection_limit >= limits.smallest:
            yield of_database(database, by_database.get(database.datname, []))


def raise_limit(snapshot: Snapshot) -> tuple[str, ...]:
    return (
        remark("Last of all raise the limit itself, as each session needs memory:"),
        *change(snapshot, "max_connections", "…"),
    )


def grouped(sessions: Sequence[Session], attribute: str) -> dict[str, list[Session]]:
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(getattr(session, attribute), []).append(session)
    return groups


def of_role(role: DatabaseRole, sessions: Sequence[Session]) -> Ceiling:
    name = identifier(role.rolname)
    return Ceiling(
        f"role {role.rolname}",
        f"{role.rolname} is allowed",
        role.connection_limit,
        sessions,
        only=f" AND {equals('usename', literal(role.rolname))}",
        advice=lambda: (
            remark(f"If the limit itself is too low: ALTER ROLE {name} CONNECTION LIMIT …;"),
        ),
    )


def of_database(database: Database, sessions: Sequence[Session]) -> Ceiling:
    name = identifier(database.datname)
    return Ceiling(
        f"database {database.datname}",
        f"database {database.datname} allows",
        database.connection_limit,
        sessions,
        database=database.datname,
        only=f" AND {equals('datname', literal(database.datname))}",
        advice=lambda: (
            remark(f"If the limit itself is too low: ALTER DATABASE {name} CONNECTION LIMIT …;"),
        ),
    )


def evidence(ceiling: Ceiling, limits: Limits, pooled: Pooled) -> Evidence:
    used, groups = len(ceiling.sessions), Counter(map(_group, ceiling.sessions))
    (user, application, state), most = groups.most_common(1)[0]
    states = Counter(session.state for session in ceiling.sessions)
    idle = [s.state_seconds or 0.0 for s in ceiling.sessions if s.state == "idle"]
    critical = ceiling.taken >= limits.taken_critical
    return Evidence(
        subject=ceiling.subject,
        severity=Severity.critical if critical else Severity.warning,
        value=ceiling.taken,
        message=(
            f"{used} of the {ceiling.size} connections that {ceiling.whose} are in use"
            f" ({share_text(ceiling.taken)}); {most} of them by"
            f" {session_name(user, application)}, {state or 'state unknown'}.{pooled.sentence()}"
        ),
        facts={
            "used_connections": used,
            "limit_connections": ceiling.size,
            "free_connections": max(0, ceiling.size - used),
            "biggest_group_connections": most,
            "biggest_group_user": user,
            "biggest_group_application": application,
            "biggest_group_state": state,
            "active_connections": states["active"],
            "idle_connections": states["idle"],
            "idle_in_transaction_connections": states["idle in transaction"]
            + states["idle in transaction (aborted)"],
            "longest_idle_seconds": max(idle, default=None),
            **pooled.facts(),
        },
        cure=cure(ceiling, limits, user, pooled),
        check=(
            "SELECT usename, application_name, state, pg_catalog.count(*),"
            f" pg_catalog.max({since('state_change')}) FROM {ACTIVITY}"
            f" WHERE {equals('backend_type', literal('client backend'))}{ceiling.only}"
            " GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 10;"
        ),
        database=ceiling.database,
    )


def cure(ceiling: Ceiling, limits: Limits, user: str | None, pooled: Pooled) -> tuple[str, ...]:
    """Terminate enough idle sessions to be below the limit; then prevent the next time."""
    wanted = int(len(ceiling.sessions) - limits.relax().taken * ceiling.size) + 1
    idle = dispensable(ceiling.sessions, wanted)
    now = (
        (remark("These sessions are idle; those that are active again by then are skipped:"),)
        if idle
        else (remark("No session is idle: find out why the active ones don't finish."),)
    )
    return (
        *now,
        *((terminate_idle(idle),) if idle else ()),
        *(pooled.advice() if pooled.is_most else _without_pooler(user)),
        *ceiling.advice(),
    )


def _without_pooler(user: str | None) -> tuple[str, ...]:
    return (
        remark("Permanently: a pooler, or smaller pools in the applications."),
        remark(
            "If no pooler keeps idle sessions on purpose:"
            f" ALTER ROLE {identifier(user or '…')} SET idle_session_timeout = '10min';"
        ),
    )


def _group(session: Session) -> tuple[str | None, str | None, str | None]:
    return session.usename, session.application_name, session.state


def _ours(sessions: Sequence[Session]) -> bool:
    """Return True for a role that only pgvigil uses; its limit may be reached."""
    return {s.application_name for s in sessions if s.is_self} == {
        s.application_name for s in sessions
    }


finding = Finding(
    title="Connections nearly exhausted",
    severities=(Severity.warning, Severity.critical),
    reads=(activity, settings),
    consults=(roles, databases, pooled_sessions),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    outlives_restart=False,
)
