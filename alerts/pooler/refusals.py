"""Refused logins in a pooler's log: what each cause means, and what to do about it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts.snapshot import Snapshot
from collectors.pooler_log import Refusal, Side, pooler_log

STARTING = "starting"
"""The server starts or stops, which ends by itself and is told of the server."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause as the end of a sentence, and steps against it."""

    what: str
    advice: tuple[str, ...] = ()


OF_SERVERS = {
    "password": Cause(
        "the password, or the way to log in, is wrong",
        (
            "Correct the role's password in auth_file, or in password= below [databases]. A SCRAM",
            "secret there must be the very one that the server has; then RELOAD on the console.",
        ),
    ),
    "missing": Cause(
        "the database or the role does not exist there, or may not log in",
        (
            "Correct dbname= and user= below [databases], or create what is missing; then RELOAD",
            "on the console.",
        ),
    ),
    "rules": Cause(
        "its pg_hba.conf does not let the pooler in",
        ("Allow the pooler's address in pg_hba.conf of the server, and reload the server.",),
    ),
    "slots": Cause(
        "it has no connection slot left",
        (
            "See connection_saturation of the server, and pooler_oversubscribed: the pools may be",
            "larger than the server.",
        ),
    ),
    "unreachable": Cause(
        "nothing answers at that address",
        ("See whether the server runs; correct host= and port= below [databases].",),
    ),
    "other": Cause("the log has its reason"),
}
OF_CLIENTS = {
    "password": Cause(
        "the user is unknown or the password is wrong",
        (
            "The log of PgBouncer has user and address of each. Where an application has a new",
            "password, write it into auth_file as well, or use auth_query; then RELOAD on the",
            "console. Attempts from outside: close the port to them.",
        ),
    ),
    "database": Cause(
        "the database is not one of the pooler's",
        (
            "The log of PgBouncer has the name. Add a line for it below [databases], then RELOAD",
            "on the console, or correct the name in the application.",
        ),
    ),
    "parameter": Cause(
        "they send a parameter that the pooler does not know",
        (
            "The log of PgBouncer names it. If nothing depends on it, add it to",
            "ignore_startup_parameters below [pgbouncer] (extra_float_digits of JDBC, options and",
            "search_path are common), then RELOAD on the console. It is then not applied.",
        ),
    ),
    "limit": Cause(
        "a limit of clients is reached",
        ("See pooler_client_limit: max_client_conn, and the limits of databases and users.",),
    ),
    "disabled": Cause(
        "the database is disabled",
        ("See pooler_paused: ENABLE on the console lets clients in again.",),
    ),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused logins within a window: of a pool at its server, or of clients for one cause."""

    cause: str
    database: str | None
    user: str | None
    count: int
    last: float
    """Unix seconds."""

    @property
    def pool(self) -> str:
        """database/user, or what is said of a pool that the log does not name."""
        return f"{self.database}/{self.user}" if self.database else "not named by the log"


def refused(snapshot: Snapshot, side: Side, window: timedelta) -> Iterator[Refused]:
    """Yield those of one side: for each pool its commonest cause, for clients each cause."""
    if not snapshot.has(pooler_log):
        return
    since = snapshot.at - window.total_seconds()
    groups: dict[tuple[str | None, ...], list[tuple[Refusal, int]]] = defaultdict(list)
    for one in snapshot.row(pooler_log).refusals:
        count = sum(time > since for time in one.times)
        if one.side is side and one.cause != STARTING and count:
            key = (one.database, one.user) if side is Side.server else (one.cause,)
            groups[key].append((one, count))
    for members in groups.values():
        most, _ = max(members, key=lambda member: member[1])
        total = sum(count for _, count in members)
        last = max(one.times[-1] for one, _ in members)
        yield Refused(most.cause, most.database, most.user, total, last)
