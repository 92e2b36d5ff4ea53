"""A standby that could not take over tonight, or where something would not work afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.replication.link import HEARD, MESSAGE, REPLAYED, upstream_of
from alerts.replication.readiness import Readiness, loss_text, readiness_of
from alerts.replication.timeline import TIMELINE
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration
from collectors._base import Role
from collectors.collation_versions import collation_versions
from collectors.extensions import extensions
from collectors.replication_slots import replication_slots
from collectors.server import server
from collectors.settings import settings
from collectors.subscriptions import subscriptions
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver

VERDICTS = {
    True: "could take over, but",
    None: "may not be able to take over, and",
    False: "is not ready to take over:",
}


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    lost: Duration = timedelta(seconds=60)
    """Age of the oldest change that may be lost in a failover."""
    lost_bytes: Bytes = 16 * 1024**2
    """WAL that may be lost, whatever its age: one segment."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if snapshot.row(wal_receiver).apply_delay_seconds:
        return  # it is kept behind on purpose, and is no candidate
    if upstream_of(snapshot) is None:
        yield Unjudged("its primary is not known, so nothing can be compared", setting="servers")
        return
    ready = readiness_of(snapshot, limits.lost.total_seconds(), limits.lost_bytes)
    if ready.is_ready is None:
        yield Unjudged("; ".join(ready.doubts))
    if ready.blockers or ready.breaks:
        yield evidence(ready)


def evidence(ready: Readiness) -> Evidence:
    loss = loss_text(ready.lost_bytes, ready.lost_seconds)
    reasons = (*ready.blockers, *ready.breaks)
    verdict = VERDICTS[ready.is_ready]
    return Evidence(
        subject=ready.candidate,
        severity=Severity.warning if ready.blockers else Severity.info,
        value=len(reasons),
        message=f"{ready.candidate} {verdict} {'; '.join(reasons)}. Lost now: {loss}.",
        facts={
            "ready": ready.is_ready,
            "blockers": "; ".join(ready.blockers) or None,
            "breaks": "; ".join(ready.breaks) or None,
            "lost_bytes": ready.lost_bytes,
            "lost_seconds": ready.lost_seconds,
            "to_replay_bytes": ready.to_replay_bytes,
            "unknown": "; ".join((*ready.doubts, *ready.unknown)) or None,
        },
        cure=(
            remark(f"Put right on {ready.candidate} before it is needed:"),
            *(remark(f"{number}. {reason}") for number, reason in enumerate(reasons, 1)),
            remark("Not judged: pg_hba.conf, certificates, and how clients find the new primary."),
            remark("pgvigil failover prints all candidates side by side."),
        ),
        check="SELECT * FROM pg_catalog.pg_stat_wal_receiver;",
    )


finding = Finding(
    title="Failover readiness",
    severities=(Severity.info, Severity.warning),
    reads=(wal_receiver, wal_position),
    consults=(
        settings,
        server,
        replication_slots,
        extensions,
        collation_versions,
        subscriptions,
    ),
    history=(TIMELINE, HEARD, MESSAGE, REPLAYED),
    limits=Limits(),
    judge=judge,
    on=Role.standby,
    unit="reasons",
    hold=timedelta(seconds=60),
    because=("replica_receiver_down", "replica_lag", "replay_paused", "replica_config_lower"),
)
