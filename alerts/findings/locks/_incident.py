"""Registration of an incident that is read from the queue of locks."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from alerts._base import AlertedBy, Finding, Outcome, Reach, Severity
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors.activity import activity
from collectors.locks import locks
from collectors.user_tables import user_tables

L = TypeVar("L", bound=BaseLimits)


def queue_incident(
    title: str,
    limits: L,
    judge: Callable[[Snapshot, L], Iterator[Outcome]],
    because: tuple[str, ...] = (),
) -> Finding[L]:
    """Return an incident of sessions that wait, by the seconds for which they do."""
    return Finding(
        title=title,
        severities=(Severity.warning, Severity.critical),
        reads=(locks, activity),
        consults=(user_tables,),
        limits=limits,
        judge=judge,
        unit="seconds",
        scope=Reach.database,
        alerted_by=AlertedBy.subject,
        because=because,
        outlives_restart=False,
    )
