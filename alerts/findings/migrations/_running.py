"""Review of commands that change a schema while they run: its registration and evidence."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from alerts._base import Finding, FindingKind, Outcome, Reach, Severity
from alerts.client_name import session_name
from alerts.cure import ACTIVITY, cancel, remark, session_guard, since
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import share_text
from collectors._base import AnyCollector
from collectors.activity import Session, activity

L = TypeVar("L", bound=BaseLimits)


def running_review(
    title: str,
    limits: L,
    judge: Callable[[Snapshot, L], Iterator[Outcome]],
    reads: AnyCollector,
) -> Finding[L]:
    """Return a review of what PostgreSQL reports the progress of, by the seconds that it runs."""
    return Finding(
        title=title,
        severities=(Severity.info,),
        reads=(reads,),
        consults=(activity,),
        limits=limits,
        judge=judge,
        unit="seconds",
        scope=Reach.database,
        kind=FindingKind.review,
        outlives_restart=False,
    )


def session_of(snapshot: Snapshot, pid: int | None) -> Session | None:
    """Return the session, if it is known."""
    if pid is None or not snapshot.has(activity):
        return None
    return next((one for one in snapshot.rows(activity) if one.pid == pid), None)


def owner(session: Session | None) -> str:
    return session_name(session.usename, session.application_name) if session else "A session"


def stopped(session: Session | None, costs: str) -> tuple[str, ...]:
    """Return advice to let it finish, and the statement that cancels it all the same."""
    if session is None or session.backend_start_text is None:
        return (remark("Let it finish."),)
    statement = cancel(session.pid, session.backend_start_text, session.xact_start_text)
    return (remark(f"Let it finish if no session waits. Cancelled, {costs}:"), statement)


def shown(session: Session | None) -> str:
    """Return a query that shows what it does; empty if the session is not known."""
    if session is None or session.backend_start_text is None:
        return ""
    guard = session_guard(session.pid, session.backend_start_text, None)
    running = f"{since('query_start')} AS running"
    return f"SELECT pid, state, wait_event, {running} FROM {ACTIVITY} WHERE {guard};"


def progress_text(done: int, expected: int | None) -> str:
    """Return how much is done, as the end of a sentence; empty if unknown."""
    return f", {share_text(round(min(1.0, done / expected), 3))} done" if expected else ""
