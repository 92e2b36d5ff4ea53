"""Connection slots of ordinary roles, the sessions that use them, and the idle ones."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from alerts._base import Unjudged
from alerts.cure import ACTIVITY, equals, literal
from alerts.plural import plural
from alerts.snapshot import Snapshot, Unknown
from collectors.activity import UNTOLD, Session
from collectors.settings import settings

AT_ONCE = 15
"""Maximum number of sessions terminated by one statement: more would not fit into a message."""


class Stateful(Protocol):
    """A row about a session."""

    @property
    def pid(self) -> int | None: ...

    @property
    def datname(self) -> str | None: ...

    @property
    def state(self) -> str | None: ...


def untold(rows: Iterable[Stateful]) -> Iterator[Unjudged]:
    """Yield what can't be judged of sessions that don't tell their state, for each database."""
    sessions = {(row.datname, row.pid) for row in rows if row.state == UNTOLD}
    for database, count in Counter(database for database, _ in sessions).items():
        who = plural(count, "session")
        yield Unjudged(
            f"track_activities is off in {who}, so what they do, and since when, is not known",
            database,
            count=count,
        )


def client_sessions(sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions that use a connection slot; WAL senders and workers use other slots."""
    return [session for session in sessions if session.backend_type == "client backend"]


def dispensable(sessions: Sequence[Session], wanted: int) -> list[Session]:
    """Return the idle sessions to terminate first: those of the largest user and application, the
    longest idle first."""
    ours = {_owner(session) for session in sessions if session.is_self}
    sizes = Counter(map(_owner, sessions))
    idle = [s for s in sessions if s.state == "idle" and _owner(s) not in ours]
    idle.sort(key=lambda s: (sizes[_owner(s)], s.state_seconds or 0.0), reverse=True)
    return idle[: min(wanted, AT_ONCE)]


def terminate_idle(sessions: Iterable[Session]) -> str:
    """Return a statement that terminates these sessions, if they are still idle and the same."""
    # The cast of the first value gives the type of all.
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


# Slots reserved for other roles; which of these settings exist depends on the version.
RESERVED = (
    "superuser_reserved_connections",
    "reserved_connections",
    "rds.rds_superuser_reserved_connections",
)


def usable_slots(snapshot: Snapshot) -> int:
    """Return the number of connection slots for roles without privileges."""
    known = snapshot.answer(settings).by("name")
    most = known["max_connections"].number if "max_connections" in known else None
    if most is None:
        raise Unknown("max_connections is unknown")
    return int(most - sum(known[name].number or 0 for name in RESERVED if name in known))
