"""Time since the last use of an index, over all servers of the cluster.

Each server counts only its own scans: an index that is unused on the primary may be used by
reports on a standby.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from alerts.history.growth import Growth
from alerts.history.keys import Key
from alerts.history.unchanged import Unchanged, UnchangedFor
from alerts.plural import plural
from alerts.replication.nodes import ClusterNodes
from alerts.snapshot import Snapshot
from collectors._columns import where
from collectors.user_indexes import UserIndex, user_indexes

IDENTITY = ("datname", "relid", "indexrelname", "definition")
"""An index is the same after REINDEX CONCURRENTLY, which gives it another oid."""
SCANS = Unchanged(user_indexes, "idx_scan", IDENTITY)
WRITES = Growth(user_indexes, "table_writes", IDENTITY, timedelta(days=35), "size_bytes", 64 * 1024)
NODES = ClusterNodes(timedelta(days=90))
OLD = 900.0
"""Maximum age of a peer's rows, in seconds."""


def identity_of(index: UserIndex) -> Key:
    return index.datname, index.relid, index.indexrelname, index.definition


@dataclass(frozen=True, slots=True)
class Rest:
    """Time without use of one index on one server."""

    seconds: float
    after_use: bool
    """Whether a use before that time is known; if not, `seconds` is only how long we watched."""
    ever_used: bool
    counted_seconds: float = 0.0
    """Age of the statistics, within which a scan would have been counted; 0 if it is unknown."""

    def of_age(self, seconds: float) -> "Rest":
        """Return it for an index that is known to exist for so long.

        Statistics without a scan prove their whole age, if the index was there.
        """
        if self.ever_used:
            return self
        return replace(self, seconds=max(self.seconds, min(seconds, self.counted_seconds)))


@dataclass(frozen=True, slots=True)
class Witness:
    """Use of the indexes of one server."""

    server: str
    rows: Mapping[Key, UserIndex]
    quiet: Mapping[Key, UnchangedFor]
    at: float = 0.0
    """Unix seconds of the rows."""

    def rests(self, indexes: Iterable[UserIndex]) -> list[Rest]:
        """Return the use of its known indexes."""
        keys = map(identity_of, indexes)
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
            counted_seconds=max(0.0, self.at - row.stats_reset) if row.stats_reset else 0.0,
        )


def witnesses(snapshot: Snapshot, indexes: Iterable[UserIndex]) -> list[Witness]:
    """Return the use of these indexes on every server of the cluster, this one first."""
    asked = {index.indexrelid for index in indexes}
    return [
        Witness(
            server.node.server,
            {
                identity_of(row): row
                for row in where(server.rows(user_indexes), "indexrelid", asked)
            },
            server.of(SCANS),
            server.answer(user_indexes).at,
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


def unheard(snapshot: Snapshot, forgotten: Sequence[str] = ()) -> str | None:
    """Return why the use on some server is unknown; None if it is known for the whole cluster."""
    silent = sorted(peer.node.server for peer in snapshot.peers if _is_silent(peer, snapshot.at))
    if silent:
        return f"{', '.join(silent)} can't be queried now, and may use indexes that are unused here"
    heard = frozenset(server.node.server for server in (snapshot, *snapshot.peers))
    missing = snapshot.of(NODES).beyond(heard, forgotten)
    if not missing:
        return None
    who = f"{plural(len(missing), 'server')} of the cluster"
    return f"{who} ({', '.join(missing)}) not watched, may use indexes that are unused here"


def _is_silent(peer: Snapshot, at: float) -> bool:
    return not peer.has(user_indexes) or at - peer.answer(user_indexes).at > OLD
