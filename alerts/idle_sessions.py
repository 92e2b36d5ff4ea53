"""Which sessions do nothing, and the statement that ends exactly those while they still don't."""

from collections import Counter
from collections.abc import Iterable, Sequence

from alerts.cure import literal
from collectors.activity import Session

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
    names = ", ".join(f"({s.pid}, {literal(s.backend_start_text or '')})" for s in sessions)
    return (
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE state = 'idle' AND (pid, backend_start) IN ({names});"
    )


def _owner(session: Session) -> tuple[str | None, str | None]:
    return session.usename, session.application_name
