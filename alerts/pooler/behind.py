"""Servers behind a pooler, and what its connections do there."""

from collections.abc import Iterator

from alerts.snapshot import Snapshot, Unknown
from collectors.activity import Session, activity
from collectors.pooler_pools import Pool, pooler_pools
from collectors.pooler_routes import pooler_routes
from collectors.pooler_servers import pooler_servers
from collectors.settings import settings

SETTING = "poolers.NAME.servers"
NOT_KNOWN = "no watched server is known to be behind it"


def servers_behind(snapshot: Snapshot) -> tuple[Snapshot, ...]:
    """Return the snapshots of the watched servers behind it. Raises Unknown if there is none."""
    found = tuple(peer for peer in snapshot.peers if peer.has(settings))
    if not found:
        raise Unknown(NOT_KNOWN, setting=SETTING)
    return found


def poolers_beside(snapshot: Snapshot) -> tuple[Snapshot, ...]:
    """Return the snapshots of other poolers before the same servers."""
    return tuple(peer for peer in snapshot.peers if peer.has(pooler_pools))


def databases_before(snapshot: Snapshot, server: str) -> frozenset[str]:
    """Return the databases of a pooler that lead to this server. Raises Unknown."""
    rows = snapshot.rows(pooler_routes)
    return frozenset(row.database for row in rows if row.server == server)


def sessions_of(snapshot: Snapshot, pool: Pool) -> Iterator[Session]:
    """Yield what the connections of a pool do on the servers behind, as far as it is known."""
    if not snapshot.has(pooler_servers):
        return
    pids = {
        row.remote_pid
        for row in snapshot.rows(pooler_servers)
        if (row.database, row.user) == (pool.database, pool.user) and row.remote_pid
    }
    for peer in snapshot.peers:
        if peer.has(activity):
            known = peer.answer(activity).by("pid")
            yield from (known[pid] for pid in pids if pid in known)
