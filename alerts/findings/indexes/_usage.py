"""Time since the last use of an index, over all servers of the cluster.

Each server counts only its own scans: an index that is unused on the primary may be used by
reports on a standby.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.history.keys import Key
from alerts.history.unchanged import Unchanged, UnchangedFor
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors._columns import where
from collectors.replication import Receiver, replication
from collectors.user_indexes import UserIndex, user_indexes

SCANS = Unchanged(user_indexes, "idx_scan")
OLD = 900.0
"""Maximum age of a peer's rows, in seconds."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Time without use of one index on one server."""

    seconds: float
    after_use: bool
    """Whether a use before that time is known; if not, `seconds` is only how long we watched."""
    ever_used: bool


@dataclass(frozen=True, slots=True)
class Witness:
    """Use of the indexes of one server."""

    server: str
    rows: Mapping[Key, UserIndex]
    quiet: Mapping[Key, UnchangedFor]

    def rests(self, indexes: Iterable[UserIndex]) -> list[Rest]:
        """Return the use of its known indexes."""
        keys = map(user_indexes.key_of, indexes)
        return [self._rest(key, self.rows[key]) for key in keys if key in self.rows]

    def _rest(self, key: Key, row: UserIndex) -> Rest:
        watched = self.quiet.get(key)
        if watched and watched.value != row.idx_scan:
            watched = None  # it was used after the last recorded use
        last = row.last_idx_scan_seconds
        return Rest(
            seconds=max(watched.seconds if watched else 0.0, last or 0.0),
            after_use=last is not None or bool(watched and watched.moved),
            ever_used=row.idx_scan > 0,
        )


def witnesses(snapshot: Snapshot, indexes: Iterable[UserIndex]) -> list[Witness]:
    """Return the use of these indexes on every server of the cluster, this one first."""
    asked = {index.indexrelid for index in indexes}
    return [
        Witness(
            server.node.server,
            {
                user_indexes.key_of(row): row
                for row in where(server.rows(user_indexes), "indexrelid", asked)
            },
            server.of(SCANS),
        )
        for server in (snapshot, *snapshot.peers)
        if server.has(user_indexes)
    ]


def unused_seconds(rests: Sequence[Rest]) -> float:
    """Return how long no part of an index was used; a partitioned index has many parts.

    A part that was never used may be young, because its partition is new. For the time before,
    the older parts count: they would have been used instead.
    """
    watched = max((rest.seconds for rest in rests), default=0.0)
    return min([watched, *(rest.seconds for rest in rests if rest.ever_used)])


def unheard(snapshot: Snapshot) -> str | None:
    """Return why the use on some server is unknown; None if it is known for the whole cluster."""
    silent = sorted(peer.node.server for peer in snapshot.peers if _is_silent(peer, snapshot.at))
    if silent:
        return f"{', '.join(silent)} can't be queried now, and may use indexes that are unused here"
    watched = sum(peer.node.role is not Role.primary for peer in snapshot.peers)
    unseen = sum(1 for _ in _standbys(snapshot)) - watched
    if unseen > 0:
        return f"{plural(unseen, 'standby')} not watched, may use indexes that are unused here"
    return None


def _is_silent(peer: Snapshot, at: float) -> bool:
    return not peer.has(user_indexes) or at - peer.answer(user_indexes).at > OLD


def _standbys(snapshot: Snapshot) -> Iterator[Receiver]:
    """Count the standbys that replay our WAL, also cascaded ones, but not backups and archives."""
    for server in (snapshot, *snapshot.peers):
        if server.has(replication):
            yield from (row for row in server.rows(replication) if _replays(row))


def _replays(receiver: Receiver) -> bool:
    return receiver.replay_lsn is not None and receiver.slot_type != "logical"
