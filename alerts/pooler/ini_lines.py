"""Lines of pgbouncer.ini, and what each of them does on this pooler now."""

from collections.abc import Callable, Iterator

from alerts.connections import usable_slots
from alerts.plural import plural
from alerts.pooler.behind import servers_behind
from alerts.pooler.demand import demand
from alerts.pooler.pools import SESSION, KnownPool, number, pools_of, setting, version_of
from alerts.snapshot import Snapshot, Unknown
from alerts.units import duration_text
from collectors.pooler_config import pooler_config
from collectors.pooler_connection import pooler_connection
from collectors.pooler_lists import pooler_lists
from collectors.pooler_servers import pooler_servers
from collectors.pooler_stats import pooler_stats

Line = tuple[str, str, str]
"""Name, value, and what it does here."""


def ini_lines(snapshot: Snapshot) -> Iterator[Line]:
    """Yield the lines that this version has, each with its meaning."""
    for name, judged in JUDGED.items():
        value = setting(snapshot, name)
        if value is not None:
            restart = "" if _is_changeable(snapshot, name) else " A change needs a restart."
            yield name, value, f"{judged(snapshot, value)}{restart}"


def _is_changeable(snapshot: Snapshot, name: str) -> bool:
    row = snapshot.answer(pooler_config).by("key").get(name)
    return row is None or row.changeable != "no"


def _servers_now(snapshot: Snapshot) -> str:
    """How many clients and server connections there are: a sentence with a space before it."""
    pools = [pool.pool for pool in _pools(snapshot)]
    if not pools:
        return ""
    clients = sum((pool.cl_active or 0) + (pool.cl_waiting or 0) for pool in pools)
    held = sum(pool.sv_active or 0 for pool in pools)
    both = f"{plural(clients, 'client')} and {plural(held, 'server connection')} in use"
    return f" Now: {both}."


def _slots(snapshot: Snapshot) -> str:
    """The slots of the servers behind, as the end of a sentence; empty where unknown."""
    try:
        told = [f"{one.node.server} has {usable_slots(one):,}" for one in servers_behind(snapshot)]
    except Unknown:
        return ""
    return f"; of connection slots {', '.join(told)}"


def _pools(snapshot: Snapshot) -> list[KnownPool]:
    """The pools; none where they are not known."""
    try:
        return list(pools_of(snapshot))
    except Unknown:
        return []


def _pool_mode(snapshot: Snapshot, value: str) -> str:
    now = _servers_now(snapshot)
    other = {p.pool.pool_mode for p in _pools(snapshot)} - {value, None}
    apart = (
        f" Some databases or users differ: {', '.join(sorted(map(str, other)))}." if other else ""
    )
    if value == SESSION:
        return (
            f"A client holds its server connection until it disconnects, idle or not.{now}{apart}"
        )
    return f"A client holds a server connection for one {value} only.{now}{apart}"


def _max_client_conn(snapshot: Snapshot, value: str) -> str:
    used = None
    if snapshot.has(pooler_lists):
        used = snapshot.answer(pooler_lists).by("list").get("used_clients")
    now = f" {used.items:,} are connected." if used and used.items is not None else ""
    files = ""
    if snapshot.has(pooler_connection):
        limit = snapshot.row(pooler_connection).descriptor_limit
        files = f", of which its process may have {limit:,}" if limit else ""
    return f"Clients beyond it are refused.{now} Each needs a file descriptor{files}."


def _default_pool_size(snapshot: Snapshot, value: str) -> str:
    try:
        known = demand(snapshot)
    except Unknown:
        return "Server connections of each pair of database and user."
    return (
        f"Server connections of each pair of database and user. With the"
        f" {plural(known.pools, 'pair')} seen now, and one for each unused database, up to"
        f" {known.most:,} together, reserves included{_slots(snapshot)}."
    )


def _min_pool_size(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "None is kept open in advance: the first clients after a quiet time wait for logins."
    pools = len(_pools(snapshot))
    is_known = pools and value.isdecimal()
    now = f" Up to {plural(int(value) * pools, 'connection')} now." if is_known else ""
    return f"Kept open for a pool that has clients, or whose database has a user of its own.{now}"


def _reserve_pool_size(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "There is no reserve: clients wait, however long."
    after = number(snapshot, "reserve_pool_timeout")
    when = f" once a client has waited for {duration_text(after)}" if after is not None else ""
    pools = len(_pools(snapshot))
    is_known = pools and value.isdecimal()
    count = f": up to {int(value) * pools:,} for the pools of now" if is_known else ""
    return f"More connections of a pool{when}; the server needs slots for them too{count}."


def _server_lifetime(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "Each server connection is used once and closed: this is no pool."
    count = len(snapshot.rows(pooler_servers)) if snapshot.has(pooler_servers) else 0
    pace = float(value) / count if count and value.isdecimal() else None
    now = f" With the {count:,} of now one each {duration_text(pace)}." if pace else ""
    return f"A connection is closed after {_duration(value)} when it is free, and reopened.{now}"


def _server_idle_timeout(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "Idle connections are kept for ever, also those of a burst."
    pools = [one.pool for one in _pools(snapshot)]
    idle = sum((pool.sv_idle or 0) + (pool.sv_used or 0) for pool in pools)
    now = f" Idle now: {idle:,}." if pools else ""
    after = _duration(value)
    return f"A connection that is idle for {after} is closed: the pool shrinks at night.{now}"


def _log_connections(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "Logins of clients are not logged."
    logins = None
    if snapshot.has(pooler_stats):
        counts = [row.total_client_login_count for row in snapshot.rows(pooler_stats)]
        logins = sum(count or 0 for count in counts) if None not in counts else None
    so_far = f" Since its start: {logins:,}." if logins is not None else ""
    much = "much where they connect for each request"
    return f"A line in the log for each login of a client: {much}.{so_far}"


def _max_prepared_statements(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "Prepared statements of drivers get lost between transactions."
    version = version_of(snapshot)
    since = " (by default since 1.24)" if version and version >= (1, 24) else ""
    return f"Prepared statements of drivers work in transaction mode{since}; SQL's PREPARE not."


def _query_wait_timeout(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "A client waits for ever for a server connection."
    return f"A client that has waited for {_duration(value)} is disconnected."


def _duration(value: str) -> str:
    return duration_text(float(value)) if value.replace(".", "", 1).isdecimal() else value


def _so_reuseport(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "One process has the address to itself."
    return (
        "Several processes may share the address, each with pools and limits of its own: all that"
        " is known here is of the one that has answered."
    )


JUDGED: dict[str, Callable[[Snapshot, str], str]] = {
    "pool_mode": _pool_mode,
    "max_client_conn": _max_client_conn,
    "default_pool_size": _default_pool_size,
    "min_pool_size": _min_pool_size,
    "reserve_pool_size": _reserve_pool_size,
    "server_lifetime": _server_lifetime,
    "server_idle_timeout": _server_idle_timeout,
    "query_wait_timeout": _query_wait_timeout,
    "so_reuseport": _so_reuseport,
    "log_connections": _log_connections,
    "max_prepared_statements": _max_prepared_statements,
}
