"""Connections: how many slots ordinary roles have, which sessions take them, which are idle."""

from collections import Counter
from collections.abc import Iterable, Sequence

from alerts.cure import ACTIVITY, equals, literal
from alerts.snapshot import Snapshot, Unknown
from collectors.activity import Session
from collectors.settings import settings

AT_ONCE = 100
"""So many are ended by one statement; it has to be read before it is pasted."""


def client_sessions(sessions: Iterable[Session]) -> list[Session]:
    """Those that take a connection slot; WAL senders and workers have slots of their own."""
    return [session for session in sessions if session.backend_type == "client backend"]


def dispensable(sessions: Sequence[Session], wanted: int) -> list[Session]:
    """The idle sessions to end first: of the biggest user and application, idle for longest."""
    ours = {_owner(session) for session in sessions if session.is_self}
    sizes = Counter(map(_owner, sessions))
    idle = [s for s in sessions if s.state == "idle" and _owner(s) not in ours]
    idle.sort(key=lambda s: (sizes[_owner(s)], s.state_seconds or 0.0), reverse=True)
    return idle[: min(wanted, AT_ONCE)]


def terminate_idle(sessions: Iterable[Session]) -> str:
    """Ends these sessions; none that has begun to work, and no later one with the same pid."""
    # The first tells the type of all.
    (pid, start), *others = [(s.pid, literal(s.backend_start_text or "")) for s in sessions]
    first = f"({pid}, {start}::pg_catalog.timestamptz)"
    these = ", ".join((first, *(f"({pid}, {start})" for pid, start in others)))
    return (
        f"SELECT pid, pg_catalog.pg_terminate_backend(pid) FROM {ACTIVITY}"
        f" WHERE {equals('state', literal('idle'))}"
        f" AND {equals('(pid, backend_start)', f'ANY (VALUES {these})')};"
    )


def _owner(session: Session) -> tuple[str | None, str | None]:
    return session.usename, session.application_name


# Slots that ordinary roles can't have; which of these settings exist depends on the server.
RESERVED = (
    "superuser_reserved_connections",
    "reserved_connections",
    "rds.rds_superuser_reserved_connections",
)


def usable_slots(snapshot: Snapshot) -> int:
    """Connections that a role without privileges can have; every client session counts."""
    wanted = {"max_connections", *RESERVED}
    known = {row.name: row.number for row in snapshot.rows(settings) if row.name in wanted}
    most = known.get("max_connections")
    if most is None:
        raise Unknown("max_connections is not known")
    return int(most - sum(known.get(name) or 0 for name in RESERVED))
