"""Replication lag in bytes and seconds, and its certainty.

The seconds come from the timeline of WAL positions: the lag is the time since the primary passed
the replayed position. This needs neither the standby's clock nor writes on the primary, and works
without a connection, when PostgreSQL's own values are 0 or null.
"""

from dataclasses import dataclass
from enum import StrEnum

from alerts._base import Unjudged
from alerts.history.crossings import Crossed
from alerts.replication.link import is_heard, upstream_of
from alerts.replication.timeline import INTERNAL, TIMELINE, Timeline, known_timeline
from alerts.snapshot import Snapshot
from collectors.replication import Receiver, replication
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver


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
    """Measure against the watched primary, otherwise against the last that is known of it."""
    primary = upstream_of(snapshot)
    if primary:
        return _against(primary, snapshot)
    return _on_its_own(snapshot) if is_heard(snapshot) else _against_memory(snapshot)


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
    passed = primary.of(TIMELINE).passed(here.replay_lsn)
    later = standby.answer(wal_position).at - primary.at
    behind = max(0, there.lsn - here.replay_lsn)
    if passed is None:  # what is missing, if anything, is no transaction
        return Lag(behind, 0.0, Certainty.exactly, primary.node.server)
    return _lag(behind, passed, later, here.replayed_xact_seconds, primary.node.server)


def _on_its_own(standby: Snapshot) -> Lag | Unjudged:
    here = standby.row(wal_position)
    if here.replay_lsn is None or here.unreplayed_bytes is None:
        return Unjudged("nothing was replayed yet", subject=standby.node.server)
    passed = standby.of(TIMELINE).passed(here.replay_lsn)
    later = standby.answer(wal_position).at - standby.at
    behind = max(0, here.unreplayed_bytes)
    return _lag(behind, passed, later, here.replayed_xact_seconds, "the last message of upstream")


def _against_memory(standby: Snapshot) -> Lag | Unjudged:
    """Measure what is known to be missing while it is not known what else there is."""
    here = standby.row(wal_position)
    name, timeline = _newest_known(standby)
    if here.replay_lsn is None or timeline is None or (timeline.lsn or 0) <= here.replay_lsn:
        # One that is fed from an archive has no link to tell it: its primary has to be watched.
        setting = "servers" if standby.row(wal_receiver).has_upstream is False else None
        return Unjudged(_why_unknown(standby), subject=standby.node.server, setting=setting)
    passed = timeline.passed(here.replay_lsn)
    later = standby.answer(wal_position).at - timeline.trail.now
    seconds = max(0.0, passed.seconds + later) if passed else 0.0
    behind = (timeline.lsn or 0) - here.replay_lsn
    return Lag(behind, seconds, Certainty.at_least, f"the last known position of {name}")


def _newest_known(standby: Snapshot) -> tuple[str, Timeline | None]:
    """Return the member of the cluster whose last known position is the highest."""
    followed = standby.of(TIMELINE).timeline
    known = [
        (timeline.lsn, server.node.server, timeline)
        for server in (standby, *standby.peers)
        if (timeline := known_timeline(server))
        and timeline.lsn is not None
        and (followed is None or timeline.timeline in (None, followed))
    ]
    if not known:
        return "", None
    return max(known, key=lambda one: one[:2])[1:]


def _why_unknown(standby: Snapshot) -> str:
    what = "nothing arrives from upstream"
    if not standby.row(wal_position).receiving:
        what = "no WAL receiver is connected"
    silent = [peer.node.server for peer in standby.peers if not peer.has(wal_position)]
    whose = f"{', '.join(silent)} does not answer" if silent else "the primary is not watched"
    return f"{what}, and {whose}"


def lag_of_receiver(snapshot: Snapshot, receiver: Receiver) -> Lag | None:
    """Measure a receiver that is only known to its upstream; None before its first reply."""
    behind = receiver.behind(receiver.position)
    if receiver.position is None or behind is None:
        return None
    passed = snapshot.of(TIMELINE).passed(receiver.position)
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
    if behind < INTERNAL:  # it may hold no transaction
        return Lag(behind, 0.0, Certainty.at_least, reference)
    if guess is None:
        return Lag(behind, seen, Certainty.at_least, reference)
    return Lag(behind, max(guess, seen), Certainty.about, reference)
