"""Routes of a pooler: which of its databases lead to which watched server, told by addresses."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from collectors.pooled_sessions import PooledSession
from collectors.pooler_clients import PoolerClient
from collectors.pooler_databases import PoolerDatabase
from collectors.pooler_routes import PoolerRoute
from collectors.pooler_servers import PoolerServer

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
HERE = "localhost"
Place = tuple[str, int]
"""Host and port; a host in lower case, a folder of sockets, or localhost."""


def place(host: str | None, port: int | None, seen_from: str = HERE) -> Place:
    """Return an address as it is compared; a local one is that of the host that names it."""
    known = (host or "").strip().lower()
    is_local = not known or known in LOCAL
    return (seen_from if is_local else known), port or 0


def routes(
    databases: Iterable[PoolerDatabase],
    servers: Mapping[str, Collection[Place]],
    named: Collection[str],
    own_host: str,
) -> Iterator[PoolerRoute]:
    """Yield the databases of which it is known.

    `servers` are the places of the watched servers; `named` those that the setting puts behind the
    pooler: one that is named alone is behind all of its databases.
    """
    seen_from = place(own_host, 0)[0]
    seen_from = HERE if seen_from.startswith("/") else seen_from
    for row in databases:
        if row.is_console:
            continue
        if len(named) == 1:
            yield PoolerRoute(row.name, next(iter(named)))
            continue
        told = {place(host, row.port, seen_from) for host in (row.host or "").split(",")}
        found = [name for name, places in servers.items() if told & set(places)]
        found = [name for name in found if not named or name in named]
        if len(found) == 1:
            yield PoolerRoute(row.name, found[0])


def sessions_behind(
    pooler: str,
    connections: Iterable[PoolerServer],
    clients: Iterable[PoolerClient],
    databases: Collection[str],
) -> Iterator[PooledSession]:
    """Yield the sessions that the pooler has on a server, to which these databases lead."""
    holders = {client.ptr: client for client in clients if client.ptr}
    for row in connections:
        if row.database and row.database in databases and row.remote_pid and row.user:
            client = holders.get(row.link) if row.link else None
            # The two commands come one after the other: believed is what both say.
            client = client if client and client.link == row.ptr else None
            yield PooledSession(
                row.remote_pid,
                pooler,
                row.database,
                row.user,
                client.addr if client else None,
                client.application_name if client else None,
            )
