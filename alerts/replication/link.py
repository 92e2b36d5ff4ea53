"""Connection of a standby to its upstream, as seen on the standby."""

from dataclasses import dataclass

from alerts.history.unchanged import Unchanged
from alerts.snapshot import Snapshot
from collectors.wal_position import wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver

HEARD = Unchanged(wal_receiver, "seen")
REPLAYED = Unchanged(wal_receiver, "replay_lsn")
ARCHIVE_PATIENCE = 60.0
"""Seconds within which a standby that restores from an archive makes progress."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Time without a message from upstream."""

    seconds: float
    seen: bool
    """Whether pgvigil saw its start; if not, `seconds` is limited by the server's uptime."""


def silence_of(snapshot: Snapshot) -> Silence | None:
    """Return the silence; None while the connection works, or if none is configured."""
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
    """Return True if the receiver's timeout has passed; an idle primary sends messages sooner."""
    return 0 < link.timeout_seconds < (link.silent_seconds or 0.0)


def _fed_from_archive(snapshot: Snapshot, link: WalReceiver) -> bool:
    replay = snapshot.of(REPLAYED).get(())
    return link.has_archive and bool(replay and replay.moved and replay.seconds < ARCHIVE_PATIENCE)


def upstream_of(snapshot: Snapshot) -> Snapshot | None:
    """Return the watched primary of the cluster; of several, the one with the highest timeline."""
    primaries = [
        (here.timeline or 0, here.lsn or 0, peer.node.server, peer)
        for peer in snapshot.peers
        if peer.has(wal_position) and not (here := peer.row(wal_position)).in_recovery
    ]
    return max(primaries, key=lambda one: one[:3])[3] if primaries else None
