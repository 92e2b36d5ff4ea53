"""Replication lag in bytes and seconds, and its certainty.

The seconds come from a history of upstream's WAL positions: the lag is the time since upstream
passed the replayed position. This needs neither the standby's clock nor writes on the primary,
and works without a connection, when PostgreSQL's own values are 0 or null.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from alerts._base import Unjudged
from alerts.history.crossings import Crossed, Crossings
from alerts.replication.link import upstream_of
from alerts.snapshot import Snapshot
from collectors.replication import Receiver, replication
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver

POSITIONS = Crossings(wal_position, "lsn")


class Certainty(StrEnum):
    """Certainty of the seconds: exact to one query if the history is long enough."""

    exactly = "exactly"
    about = "about"
    at_least = "at least"


@dataclass(frozen=True, slots=True)
class Lag:
    bytes: int
    seconds: float
    certainty: Certainty
    reference: str
    """The server that it was measured against."""


def lag_of_standby(snapshot: Snapshot) -> Lag | Unjudged:
    """Measure against the watched primary, otherwise against upstream's last message."""
    primary = upstream_of(snapshot)
    lag = _against(primary, snapshot) if primary else _on_its_own(snapshot)
    if isinstance(lag, Unjudged):
        return lag
    delay = snapshot.row(wal_receiver).apply_delay_seconds
    return replace(lag, seconds=max(0.0, lag.seconds - delay))


def _against(primary: Snapshot, standby: Snapshot) -> Lag | Unjudged:
    here, there = standby.row(wal_position), primary.row(wal_position)
    if here.timeline and there.timeline and here.timeline != there.timeline:
        return Unjudged(
            f"{primary.node.server} is on timeline {there.timeline},"
            f" this standby follows timeline {here.timeline}",
            subject=standby.node.server,
        )
    if here.replay_lsn is None or there.lsn is None:
        return Unjudged("nothing was replayed yet", subject=standby.node.server)
    passed = primary.of(POSITIONS).passed(here.replay_lsn)
    later = standby.answer(wal_position).at - primary.at
    behind = max(0, there.lsn - here.replay_lsn)
    return _lag(behind, passed, later, here.replayed_xact_seconds, primary.node.server)


def _on_its_own(standby: Snapshot) -> Lag | Unjudged:
    here = standby.row(wal_position)
    if not here.receiving:
        silent = [peer.node.server for peer in standby.peers if not peer.has(wal_position)]
        whose = f"{', '.join(silent)} does not answer" if silent else "the primary is not watched"
        reason = f"no WAL receiver is connected, and {whose}"
        return Unjudged(reason, subject=standby.node.server)
    if here.replay_lsn is None or here.unreplayed_bytes is None:
        return Unjudged("nothing was replayed yet", subject=standby.node.server)
    passed = standby.of(POSITIONS).passed(here.replay_lsn)
    later = standby.answer(wal_position).at - standby.at
    behind = max(0, here.unreplayed_bytes)
    return _lag(behind, passed, later, here.replayed_xact_seconds, "the last message of upstream")


def lag_of_receiver(snapshot: Snapshot, receiver: Receiver) -> Lag | None:
    """Measure a receiver that is only known to its upstream; None before its first reply."""
    behind = receiver.behind(receiver.position)
    if receiver.position is None or behind is None:
        return None
    passed = snapshot.of(POSITIONS).passed(receiver.position)
    later = snapshot.answer(replication).at - snapshot.at
    return _lag(behind, passed, later, receiver.replay_lag_seconds, snapshot.node.server)


def _lag(
    behind: int, passed: Crossed | None, later: float, guess: float | None, reference: str
) -> Lag:
    """Compute the lag. `later` is by how many seconds the standby was queried later; the server's
    own estimate is used if the history is too short."""
    seen = max(0.0, passed.seconds + later) if passed else 0.0
    if behind == 0:
        return Lag(0, 0.0, Certainty.exactly, reference)
    if passed and passed.exact:
        return Lag(behind, seen, Certainty.exactly, reference)
    if guess is None:
        return Lag(behind, seen, Certainty.at_least, reference)
    return Lag(behind, max(guess, seen), Certainty.about, reference)
