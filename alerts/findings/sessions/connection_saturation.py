"""Near a limit of connections (the server's, a role's, a database's) the next client is refused."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.client_name import session_name
from alerts.connections import client_sessions, dispensable, terminate_idle, usable_slots
from alerts.cure import ACTIVITY, equals, identifier, literal, remark, since
from alerts.limits import BaseLimits
from alerts.snapshot import NOT_YET, Snapshot
from alerts.units import Share, share_text
from collectors._base import Collector
from collectors.activity import Session, activity
from collectors.databases import Database, databases
from collectors.roles import Role, roles
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    taken: Share = 0.75
    """Share of the connections that may be had; bursts of a quarter are usual."""
    taken_critical: Share = 0.9
    """Share at which the next burst, or one restart of the application, is refused."""
    smallest: int = 3
    """Connections; a role's or database's own limit below that is full on purpose."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One limit, and the sessions that count against it."""

    subject: str
    whose: str
    size: int
    sessions: Sequence[Session]
    database: str | None = None
    only: str = ""
    """The condition that picks these sessions, where not all count."""
    advice: str = "Raising max_connections comes last: a restart, and memory for each session."

    @property
    def taken(self) -> float:
        return len(self.sessions) / self.size


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    sessions = client_sessions(snapshot.rows(activity))
    for ceiling in ceilings(snapshot, sessions, limits):
        if ceiling.taken >= limits.taken:
            yield evidence(ceiling, limits)
    own_limits: tuple[tuple[str, Collector[Role] | Collector[Database]], ...] = (
        ("limits of roles", roles),
        ("limits of databases", databases),
    )
    for subject, collector in own_limits:
        if not snapshot.has(collector):
            why = snapshot.absent.get(collector, NOT_YET)
            yield Unjudged(f"{collector.name}: {why.reason}", subject=subject, grant=why.grant)


def ceilings(snapshot: Snapshot, sessions: Sequence[Session], limits: Limits) -> Iterator[Ceiling]:
    size = usable_slots(snapshot)
    yield Ceiling("connection slots", "ordinary roles can have", size, sessions)
    by_role, by_database = grouped(sessions, "usename"), grouped(sessions, "datname")
    for role in snapshot.rows(roles) if snapshot.has(roles) else ():
        own = by_role.get(role.rolname, [])
        if role.connection_limit >= limits.smallest and not role.is_superuser and not _ours(own):
            yield of_role(role, own)
    for database in snapshot.rows(databases) if snapshot.has(databases) else ():
        if database.connection_limit >= limits.smallest:
            yield of_database(database, by_database.get(database.datname, []))


def grouped(sessions: Sequence[Session], attribute: str) -> dict[str, list[Session]]:
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(getattr(session, attribute), []).append(session)
    return groups


def of_role(role: Role, sessions: Sequence[Session]) -> Ceiling:
    name = identifier(role.rolname)
    return Ceiling(
        f"role {role.rolname}",
        f"{role.rolname} may have",
        role.connection_limit,
        sessions,
        only=f" AND {equals('usename', literal(role.rolname))}",
        advice=f"If the limit itself is too low: ALTER ROLE {name} CONNECTION LIMIT …;",
    )


def of_database(database: Database, sessions: Sequence[Session]) -> Ceiling:
    name = identifier(database.datname)
    return Ceiling(
        f"database {database.datname}",
        f"{database.datname} allows",
        database.connection_limit,
        sessions,
        database=database.datname,
        only=f" AND {equals('datname', literal(database.datname))}",
        advice=f"If the limit itself is too low: ALTER DATABASE {name} CONNECTION LIMIT …;",
    )


def evidence(ceiling: Ceiling, limits: Limits) -> Evidence:
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
            f"{used} of the {ceiling.size} connections that {ceiling.whose} are taken"
            f" ({share_text(ceiling.taken)}); {most} of them by"
            f" {session_name(user, application)}, {state or 'state not known'}."
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
        },
        cure=cure(ceiling, limits, user),
        check=(
            "SELECT usename, application_name, state, pg_catalog.count(*),"
            f" pg_catalog.max({since('state_change')}) FROM {ACTIVITY}"
            f" WHERE {equals('backend_type', literal('client backend'))}{ceiling.only}"
            " GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 10;"
        ),
        database=ceiling.database,
    )


def cure(ceiling: Ceiling, limits: Limits, user: str | None) -> tuple[str, ...]:
    """Enough idle sessions to be well again, and what keeps them from coming back."""
    wanted = int(len(ceiling.sessions) - limits.relax().taken * ceiling.size) + 1
    idle = dispensable(ceiling.sessions, wanted)
    now = (
        (remark("These sessions do nothing; one that works again by now is spared:"),)
        if idle
        else (remark("No session is idle: look for what keeps the active ones from ending."),)
    )
    return (
        *now,
        *((terminate_idle(idle),) if idle else ()),
        remark("What lasts: a pooler, or smaller pools in the applications."),
        remark(
            "Where no pooler keeps idle sessions on purpose:"
            f" ALTER ROLE {identifier(user or '…')} SET idle_session_timeout = '10min';"
        ),
        remark(ceiling.advice),
    )


def _group(session: Session) -> tuple[str | None, str | None, str | None]:
    return session.usename, session.application_name, session.state


def _ours(sessions: Sequence[Session]) -> bool:
    """A role that only we use is meant to be full of us."""
    return {s.application_name for s in sessions if s.is_self} == {
        s.application_name for s in sessions
    }


finding = Finding(
    title="Connections nearly used up",
    severities=(Severity.warning, Severity.critical),
    reads=(activity, settings),
    consults=(roles, databases),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    outlives_restart=False,
)
