"""Connection of a standby to its upstream: heard, silent, or absent."""

from dataclasses import dataclass

from alerts.history.unchanged import Unchanged
from alerts.replication.timeline import TIMELINE, known_timeline
from alerts.snapshot import Snapshot
from collectors.wal_position import WalPosition, wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver

HEARD = Unchanged(wal_receiver, "seen")
MESSAGE = Unchanged(wal_receiver, "last_msg_receipt_time")
"""By the standby's clock: only whether it changes counts."""
REPLAYED = Unchanged(wal_receiver, "replay_lsn")
ARCHIVE_PATIENCE = 60.0
"""Seconds within which a standby that restores from an archive makes progress."""
GRACE = 3.0
"""Seconds that a message may be late."""
UNUSUAL = 3.0
"""A silence is unusual from this many times the longest one that was seen of late."""


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
        return Silence(link.silent_seconds or 0.0, seen=True) if is_hung(snapshot) else None
    if link.has_upstream is False or is_fed_from_archive(snapshot, link):
        return None
    connected, message = snapshot.of(HEARD).get(()), snapshot.of(MESSAGE).get(())
    if connected is None and is_upstream_hidden(link):
        return None
    if connected is None:
        return Silence(link.up_seconds, seen=False)
    silent = connected.seconds
    if message and message.seconds - silent > snapshot.row(wal_position).asks_after_seconds + GRACE:
        silent = message.seconds  # it was hung already when the connection was given up
    return Silence(min(silent, link.up_seconds), seen=True)


def is_upstream_hidden(link: WalReceiver) -> bool:
    """Whether it has no receiver and it is not known whether it should have one."""
    return link.pid is None and link.has_upstream is None


def is_heard(snapshot: Snapshot) -> bool:
    """Whether a standby has a connection that works, so that what it received is all there is."""
    return snapshot.row(wal_position).receiving and not is_hung(snapshot)


def is_hung(snapshot: Snapshot) -> bool:
    """Whether a message is overdue: the process may run, but nothing arrives.

    A watched primary shows it at once, by WAL that did not arrive. Otherwise it is the usual
    silence between messages, and that the receiver asks for one in half of its timeout.
    """
    here = snapshot.row(wal_position)
    if not here.receiving or here.silent_seconds is None:
        return False
    primary = upstream_of(snapshot)
    if primary and _has_missed(snapshot, here, primary):
        return True
    asked = here.asks_after_seconds + GRACE
    usual = snapshot.of(TIMELINE).usual_silence
    # Where the primary is watched, a silence in which it has written nothing is no surprise.
    if usual is not None and primary is None:
        asked = min(asked, GRACE + UNUSUAL * usual)
    return here.silent_seconds > asked


def _has_missed(snapshot: Snapshot, here: WalPosition, primary: Snapshot) -> bool:
    """Whether the primary has written WAL since the last message, and not just now."""
    timeline = known_timeline(primary)
    if here.lsn is None or here.silent_seconds is None or timeline is None:
        return False
    passed = timeline.passed(here.lsn)
    if passed is None or not passed.exact:
        return False
    since = primary.at - passed.seconds
    return GRACE < snapshot.answer(wal_position).at - since <= here.silent_seconds + GRACE / 3


def is_fed_from_archive(snapshot: Snapshot, link: WalReceiver) -> bool:
    """Whether it has no receiver now, but replays what an archive provides."""
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
