"""Replay waits for a query on the standby, longer than the usual grace period."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.client_name import session_name
from alerts.cure import ACTIVITY, equals, literal, remark
from alerts.limits import FIXED, BaseLimits
from alerts.replication import cures
from alerts.replication.link import REPLAYED
from alerts.replication.replay_conflict import ReplayConflict, conflict_of
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.activity import Session, activity
from collectors.locks import locks
from collectors.wal_receiver import wal_receiver


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    blocked: Annotated[Duration, FIXED] = timedelta(seconds=60)
    """Time for which replay waits. By default PostgreSQL cancels the query after 30 s."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    conflict, stands = conflict_of(snapshot), snapshot.of(REPLAYED).get(())
    if conflict and stands and stands.seconds >= limits.blocked.total_seconds():
        yield evidence(snapshot, conflict, stands.seconds)


def evidence(snapshot: Snapshot, conflict: ReplayConflict, seconds: float) -> Evidence:
    server = snapshot.node.server
    oldest = next(iter(conflict.sessions), None)
    return Evidence(
        subject=server,
        severity=Severity.warning,
        value=seconds,
        message=(
            f"Replay on {server} has been waiting for {duration_text(seconds)}"
            f" ({conflict.wait_event}){_for(oldest)}."
        ),
        facts={
            "conflict": conflict.wait_event,
            "blocked_seconds": seconds,
            "sessions": len(conflict.sessions),
            "pid": oldest.pid if oldest else None,
            "xact_seconds": oldest.xact_seconds if oldest else None,
        },
        cure=(
            *cures.clear(server, conflict),
            remark("If long reports are wanted here, give them a standby of their own."),
        ),
        check=(
            f"SELECT pid, wait_event_type, wait_event FROM {ACTIVITY}"
            f" WHERE {equals('backend_type', literal('startup'))};"
        ),
    )


def _for(session: Session | None) -> str:
    if session is None:
        return ""
    who = session_name(session.usename, session.application_name)
    return f" for pid {session.pid} of {who}, open for {duration_text(session.xact_seconds or 0.0)}"


finding = Finding(
    title="Replay blocked by a query",
    severities=(Severity.warning,),
    reads=(activity, wal_receiver),
    consults=(locks,),
    history=(REPLAYED,),
    limits=Limits(),
    judge=judge,
    on=Role.standby,
    unit="seconds",
    outlives_restart=False,
)
