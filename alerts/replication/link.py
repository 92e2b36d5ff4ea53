"""Whether WAL still reaches a standby, seen from the standby itself."""

from dataclasses import dataclass

from alerts.history.unchanged import Unchanged
from alerts.snapshot import Snapshot
from collectors.wal_position import wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver

HEARD = Unchanged(wal_receiver, "seen")
REPLAYED = Unchanged(wal_receiver, "replay_lsn")
ARCHIVE_PATIENCE = 60.0
"""Seconds in which a standby that is fed from an archive moves, while there is something to do."""


@dataclass(frozen=True, slots=True)
class Silence:
    """How long nothing has come from upstream."""

    seconds: float
    seen: bool
    """Whether we were there when it began; otherwise it is as long as the server is up, at most."""


def silence_of(snapshot: Snapshot) -> Silence | None:
    """None while the link lives, or where none is wanted."""
    link = snapshot.row(wal_receiver)
    if link.pid is not None:
        return Silence(link.silent_seconds or 0.0, seen=True) if _gave_up(link) else None
    if link.has_upstream is False or _fed_from_archive(snapshot, link):
        return None
    last = snapshot.of(HEARD).get(())
    if last is None:
        return Silence(link.up_seconds, seen=False)
    return Silence(min(last.seconds, link.up_seconds), seen=True)


def _gave_up(link: WalReceiver) -> bool:
    """An idle primary is silent too, but never as long as the time-out."""
    return 0 < link.timeout_seconds < (link.silent_seconds or 0.0)


def _fed_from_archive(snapshot: Snapshot, link: WalReceiver) -> bool:
    replay = snapshot.of(REPLAYED).get(())
    return link.has_archive and bool(replay and replay.moved and replay.seconds < ARCHIVE_PATIENCE)


def upstream_of(snapshot: Snapshot) -> Snapshot | None:
    """The watched primary of the cluster; of several the one furthest ahead, the last promoted."""
    primaries = [
        (here.timeline or 0, here.lsn or 0, peer.node.server, peer)
        for peer in snapshot.peers
        if peer.has(wal_position) and not (here := peer.row(wal_position)).in_recovery
    ]
    return max(primaries, key=lambda one: one[:3])[3] if primaries else None
