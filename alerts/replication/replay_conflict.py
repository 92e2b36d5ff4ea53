"""Recovery conflicts: sessions of a standby that delay its replay."""

from dataclasses import dataclass

from alerts.locks.graph import LockGraph
from alerts.snapshot import Snapshot
from collectors.activity import Session, activity
from collectors.locks import locks


@dataclass(frozen=True, slots=True)
class ReplayConflict:
    wait_event: str
    sessions: tuple[Session, ...]
    """Sessions that probably delay replay, the longest first."""


def conflict_of(snapshot: Snapshot) -> ReplayConflict | None:
    """Return the current recovery conflict of a standby."""
    if not snapshot.has(activity):
        return None
    sessions = snapshot.rows(activity)
    for startup in sessions:
        if startup.backend_type == "startup" and _waits_for_queries(startup):
            in_the_way = sorted(_in_the_way(snapshot, startup), key=_age, reverse=True)
            return ReplayConflict(startup.wait_event or "", tuple(in_the_way))
    return None


def _waits_for_queries(startup: Session) -> bool:
    """Return True for the startup process waiting in a recovery conflict or for a lock."""
    event = startup.wait_event or ""
    return startup.wait_event_type in ("Lock", "BufferPin") or event.startswith("RecoveryConflict")


def _in_the_way(snapshot: Snapshot, startup: Session) -> list[Session]:
    clients = [s for s in snapshot.rows(activity) if s.backend_type == "client backend"]
    if startup.wait_event_type == "Lock":
        graph = LockGraph.of(snapshot.rows(locks) if snapshot.has(locks) else ())
        blockers = graph.blockers_of(startup.pid)
        return [session for session in clients if session.pid in blockers]
    oldest = max((s.xmin_age for s in clients if s.xmin_age is not None), default=None)
    return [s for s in clients if oldest is not None and s.xmin_age == oldest and not s.is_self]


def _age(session: Session) -> float:
    return session.xact_seconds or 0.0
