"""A lagging standby serves old data, and would lose the newest changes in a failover."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from alerts._base import AlertedBy, Finding, Outcome, Severity, Unjudged
from alerts.history.unchanged import Unchanged
from alerts.limits import BaseLimits
from alerts.replication import evidence
from alerts.replication.delay import DELAYS
from alerts.replication.lag import Certainty, Lag, lag_of_receiver, lag_of_standby
from alerts.replication.link import HEARD, REPLAYED, Silence, silence_of
from alerts.replication.replay_conflict import conflict_of
from alerts.replication.stages import backlog_of_standby
from alerts.replication.timeline import TIMELINE
from alerts.replication.watched import unwatched
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, duration_text
from collectors.activity import activity
from collectors.locks import locks
from collectors.replication import Receiver, replication
from collectors.settings import settings
from collectors.wal_position import wal_position
from collectors.wal_receiver import NOT_PAUSED, wal_receiver

STANDS = Unchanged(replication, "replay_lsn")


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


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if snapshot.row(wal_position).in_recovery:
        yield from of_standby(snapshot, limits)
    yield from of_receivers(snapshot, limits)


def of_standby(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Judge the lag, less the delay that is set. Without a connection there is no lag of 0."""
    link, server = snapshot.row(wal_receiver), snapshot.node.server
    lag, silence = lag_of_standby(snapshot), silence_of(snapshot)
    if isinstance(lag, Unjudged):
        yield silent(server, silence) if silence else lag
        return
    late = less(lag, link.apply_delay_seconds)
    if severity := gravity(late, limits):
        is_paused = link.pause_state != NOT_PAUSED
        yield evidence.behind(
            snapshot,
            Severity.info if is_paused else severity,
            late,
            link,
            conflict_of(snapshot),
            backlog_of_standby(snapshot),
        )
    elif lag.certainty is Certainty.at_least:
        yield silent(server, silence) if silence else learning(server, late, snapshot, limits)


def less(lag: Lag, delay: float) -> Lag:
    return replace(lag, seconds=max(0.0, lag.seconds - delay))


def gravity(lag: Lag, limits: Limits) -> Severity | None:
    if lag.bytes <= limits.backlog and lag.seconds <= limits.trickle.total_seconds():
        return None
    if lag.seconds >= limits.behind_critical.total_seconds():
        return Severity.critical
    return Severity.warning if lag.seconds >= limits.behind.total_seconds() else None


def of_receivers(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """Judge standbys that are not watched; the worst, if several have the same name."""
    worst: dict[str, tuple[Lag, Receiver, float | None]] = {}
    for receiver in unwatched(snapshot):
        delay = snapshot.of(DELAYS).of(receiver)
        lag = lag_of_receiver(snapshot, receiver)
        if lag:
            lag = less(lag, delay or 0.0)
            if receiver.name not in worst or lag.seconds >= worst[receiver.name][0].seconds:
                worst[receiver.name] = lag, receiver, delay
    for name, (lag, receiver, delay) in worst.items():
        if severity := gravity(lag, limits):
            # Until it has replayed something it may be late on purpose; its upstream can't tell.
            unsure = delay is None and receiver.has_received
            yield evidence.receiver_behind(
                name,
                Severity.info if unsure else severity,
                lag,
                receiver,
                delay,
                snapshot.of(STANDS).get(replication.key_of(receiver)),
            )
        elif lag.certainty is Certainty.at_least:
            yield learning(name, lag, snapshot, limits)


def silent(server: str, silence: Silence) -> Unjudged:
    """Return a silence: it is not known how much is missing."""
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
    history=(TIMELINE, DELAYS, HEARD, REPLAYED, STANDS),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    alerted_by=AlertedBy.subject,
    hold=timedelta(seconds=3),
    because=("replica_receiver_down", "replay_paused", "replay_blocked_by_query"),
)
