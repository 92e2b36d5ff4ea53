"""Lines of pgbouncer.ini, and what each of them does on this pooler now."""

from collections.abc import Callable, Iterator

from alerts.pooler.demand import demand
from alerts.pooler.pools import SESSION, number, pools_of, setting, version_of
from alerts.snapshot import Snapshot, Unknown
from alerts.units import duration_text
from collectors.pooler_lists import pooler_lists

Line = tuple[str, str, str]
"""Name, value, and what it does here."""


def ini_lines(snapshot: Snapshot) -> Iterator[Line]:
    """Yield the lines that this version has, each with its meaning."""
    for name, judged in JUDGED.items():
        value = setting(snapshot, name)
        if value is not None:
            yield name, value, judged(snapshot, value)


def _pool_mode(snapshot: Snapshot, value: str) -> str:
    other = {p.pool.pool_mode for p in pools_of(snapshot)} - {value, None}
    apart = (
        f" Some databases or users differ: {', '.join(sorted(map(str, other)))}." if other else ""
    )
    if value == SESSION:
        return f"A client holds its server connection until it disconnects, idle or not.{apart}"
    return f"A client holds a server connection for one {value} only.{apart}"


def _max_client_conn(snapshot: Snapshot, value: str) -> str:
    used = None
    if snapshot.has(pooler_lists):
        used = snapshot.answer(pooler_lists).by("list").get("used_clients")
    now = f" {used.items:,} are connected." if used and used.items is not None else ""
    return f"Clients beyond it are refused.{now} Each needs a file descriptor."


def _default_pool_size(snapshot: Snapshot, value: str) -> str:
    try:
        known = demand(snapshot)
    except Unknown:
        return "Server connections of each pair of database and user."
    return (
        f"Server connections of each pair of database and user: with the {max(1, known.pools)} seen"
        f" now all together up to {known.most:,}."
    )


def _min_pool_size(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "None is kept open in advance: the first clients after a quiet time wait for logins."
    return "Kept open for a pool that has clients, or whose database has a user of its own."


def _reserve_pool_size(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "There is no reserve: clients wait, however long."
    after = number(snapshot, "reserve_pool_timeout")
    when = f" once a client has waited for {duration_text(after)}" if after is not None else ""
    return f"More connections of a pool{when}; the server needs slots for them too."


def _server_lifetime(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "Each server connection is used once and closed: this is no pool."
    return f"A connection is closed after {_duration(value)} when it is free, and opened anew."


def _server_idle_timeout(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "Idle connections are kept for ever, also those of a burst."
    return f"A connection that is idle for {_duration(value)} is closed: the pool shrinks at night."


def _log_connections(snapshot: Snapshot, value: str) -> str:
    if value == "0":
        return "Logins of clients are not logged."
    return "A line in the log for each login of a client: much where they connect for each request."


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


JUDGED: dict[str, Callable[[Snapshot, str], str]] = {
    "pool_mode": _pool_mode,
    "max_client_conn": _max_client_conn,
    "default_pool_size": _default_pool_size,
    "min_pool_size": _min_pool_size,
    "reserve_pool_size": _reserve_pool_size,
    "server_lifetime": _server_lifetime,
    "server_idle_timeout": _server_idle_timeout,
    "query_wait_timeout": _query_wait_timeout,
    "log_connections": _log_connections,
    "max_prepared_statements": _max_prepared_statements,
}
