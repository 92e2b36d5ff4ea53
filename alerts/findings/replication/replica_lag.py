"""A lagging standby serves old data, and would lose the newest changes in a failover."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Finding, Outcome, Severity, Unjudged
from alerts.history.last_seen import LastSeen
from alerts.limits import FIXED, BaseLimits
from alerts.replication import evidence
from alerts.replication.lag import POSITIONS, Certainty, Lag, lag_of_receiver, lag_of_standby
from alerts.replication.link import HEARD, REPLAYED, Silence, silence_of
from alerts.replication.replay_conflict import conflict_of
from alerts.replication.watched import is_watched, unwatched
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, duration_text
from collectors.activity import activity
from collectors.locks import locks
from collectors.replication import Receiver, replication
from collectors.settings import settings
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver

RECEIVERS = LastSeen(replication, "subscriber", timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    behind: Duration = timedelta(seconds=30)
    """Age of the oldest change that is not replayed yet."""
    behind_critical: Duration = timedelta(minutes=5)
    """Age from which it is critical: a failover would lose, or wait for, too much."""
    backlog: Bytes = 16 * 1024**2
    """Minimum backlog in bytes: one WAL segment. Less is normal on an idle server."""
    trickle: Duration = timedelta(seconds=60)
    """Age from which even a smaller backlog is reported."""
    disconnected: Annotated[Duration, FIXED] = timedelta(seconds=60)
    """Time without a message from upstream; a restarted receiver is back within seconds."""
    settled: Annotated[Duration, FIXED] = timedelta(minutes=5)
    """Minimum time that a receiver was connected, for its absence to be reported; backups are
    shorter."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if snapshot.row(wal_position).in_recovery:
        yield from of_standby(snapshot, limits)
    else:
        yield from lost(snapshot, limits)
    yield from of_receivers(snapshot, limits)


def of_standby(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Judge the connection first, then the lag: a broken connection looks like no lag."""
    lag, silence = lag_of_standby(snapshot), silence_of(snapshot)
    link = snapshot.row(wal_receiver)
    if silence and silence.seconds >= limits.disconnected.total_seconds():
        yield evidence.disconnected(snapshot, link, silence, lag)
        yield silent(snapshot.node.server, silence)  # until it has held, it is not healthy either
    elif silence is None and link.pause_state != "not paused":
        yield evidence.paused(snapshot, link, lag)
    elif isinstance(lag, Lag) and (severity := gravity(lag, limits)):
        yield evidence.behind(snapshot.node.server, severity, lag, link, conflict_of(snapshot))
    elif silence:
        yield silent(snapshot.node.server, silence)
    elif isinstance(lag, Unjudged):
        yield lag
    elif lag.certainty is Certainty.at_least:
        yield learning(snapshot.node.server, lag, snapshot, limits)


def gravity(lag: Lag, limits: Limits) -> Severity | None:
    if lag.bytes <= limits.backlog and lag.seconds <= limits.trickle.total_seconds():
        return None
    if lag.seconds >= limits.behind_critical.total_seconds():
        return Severity.critical
    return Severity.warning if lag.seconds >= limits.behind.total_seconds() else None


def of_receivers(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Judge standbys that are not watched; the worst, if several have the same name."""
    worst: dict[str, tuple[Lag, Receiver]] = {}
    for receiver in unwatched(snapshot):
        lag = lag_of_receiver(snapshot, receiver)
        if lag and lag.seconds >= worst.get(receiver.name, (lag, receiver))[0].seconds:
            worst[receiver.name] = lag, receiver
    for name, (lag, receiver) in worst.items():
        if severity := gravity(lag, limits):
            # It may replay late on purpose (recovery_min_apply_delay); its upstream can't tell.
            severity = Severity.info if receiver.has_received else severity
            yield evidence.receiver_behind(name, severity, lag, receiver)
        elif lag.certainty is Certainty.at_least:
            yield learning(name, lag, snapshot, limits)


def lost(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Yield receivers that are no longer connected to this primary, and are not watched."""
    for name, gone in snapshot.of(RECEIVERS).gone().items():
        settled = gone.stayed >= limits.settled.total_seconds()
        missed = gone.seconds >= limits.disconnected.total_seconds()
        if settled and missed and not is_watched(snapshot, name):
            yield evidence.lost(name, gone)


def silent(server: str, silence: Silence) -> Unjudged:
    """Yield a silence that is too short to report; the standby is not healthy either."""
    return Unjudged(
        f"nothing was received from upstream for {duration_text(silence.seconds)}", subject=server
    )


def learning(name: str, lag: Lag, snapshot: Snapshot, limits: Limits) -> Unjudged:
    until = snapshot.at + max(0.0, limits.trickle.total_seconds() - lag.seconds)
    return Unjudged("not watched for long enough to know the lag", subject=name, until=until)


finding = Finding(
    title="Replica lag",
    severities=tuple(Severity),
    reads=(wal_position, replication),
    consults=(wal_receiver, activity, locks, settings),
    history=(POSITIONS, HEARD, REPLAYED, RECEIVERS),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    alerted_by=AlertedBy.subject,
    hold=timedelta(seconds=3),
)
