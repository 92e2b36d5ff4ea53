"""Receivers that the daemon also watches as servers of their own."""

from collections import Counter
from collections.abc import Iterator

from alerts.replication.leftovers import without_leftovers
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.replication import Receiver, replication
from collectors.settings import settings
from collectors.wal_receiver import wal_receiver

PASSING = ("pg_basebackup", "pg_rewind")
"""Programs that receive WAL only temporarily."""


def unwatched(snapshot: Snapshot) -> Iterator[Receiver]:
    """Return physical receivers, without those that are watched standbys by name and slot."""
    standbys = without_leftovers(r for r in snapshot.rows(replication) if _keeps_up(r))
    seen = Counter((r.application_name, r.slot_name) for r in standbys)
    spoken_for = Counter(_spoken_for(snapshot))
    for receiver in standbys:
        identity = receiver.application_name, receiver.slot_name
        if seen[identity] > spoken_for[identity]:
            yield receiver


def is_watched(snapshot: Snapshot, name: str) -> bool:
    return any(name in identity for identity in _spoken_for(snapshot)) or any(
        name == peer.node.server for peer in snapshot.peers
    )


def own_cluster_name(snapshot: Snapshot) -> str | None:
    """Return the name that this server would have as a standby, unless its address sets another."""
    if not snapshot.has(settings):
        return None
    row = snapshot.answer(settings).by("name").get("cluster_name")
    return row.setting if row else None


def _spoken_for(snapshot: Snapshot) -> Iterator[tuple[str | None, str | None]]:
    for peer in snapshot.peers:
        if peer.node.role is Role.standby and peer.has(wal_receiver):
            link = peer.row(wal_receiver)
            if link.pid is not None:
                yield link.application_name, link.slot_name


def _keeps_up(receiver: Receiver) -> bool:
    return (
        receiver.slot_type in (None, "physical")
        and receiver.replay_lsn is not None  # pg_receivewal stores WAL and is no standby
        and receiver.state in ("streaming", "catchup")
        and receiver.application_name not in PASSING
    )
