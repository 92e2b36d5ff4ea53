"""Connection state of the server, as known by the daemon itself."""

from dataclasses import dataclass, replace
from enum import StrEnum

from collectors._base import Collector, Lane, gauge


class Cause(StrEnum):
    """Reason for a server that does not answer, or accepts no new session."""

    absent = "absent"
    """No server listens at the address: connection refused, or no such socket."""
    unresolved = "unresolved"
    """The host name can't be resolved."""
    timeout = "timeout"
    """Connecting timed out."""
    hung = "hung"
    """Connected, but a query gets no answer."""
    starting = "starting"
    stopping = "stopping"
    recovery = "recovery"
    """Running, but not open for sessions (yet): not consistent, or hot_standby is off."""
    slots_full = "slots_full"
    role_full = "role_full"
    """The role has reached its connection limit."""
    database_full = "database_full"
    """The database has reached its connection limit."""
    auth = "auth"
    """The password is wrong, or has expired."""
    no_password = "no_password"
    """The server asks for a password, and none is configured."""
    not_identified = "not_identified"
    """pg_hba.conf asks for another proof than a password (peer, ident, cert), and it failed."""
    no_role = "no_role"
    no_login = "no_login"
    """The role exists, but may not log in."""
    no_role_or_login = "no_role_or_login"
    """One of the two: the server tells in another language than English."""
    auth_method = "auth_method"
    """The server asks for a way to log in that we refuse, such as the password in clear."""
    pg_hba = "pg_hba"
    tls = "tls"
    no_database = "no_database"
    no_connect = "no_connect"
    """No CONNECT privilege on the database."""
    database_closed = "database_closed"
    """The database takes no sessions: ALLOW_CONNECTIONS is off, or a DROP was interrupted."""
    refused = "refused"
    """The server refuses the session with an error of its own, such as that of a login trigger."""
    no_library = "no_library"
    """A library that the settings ask for in each session can't be loaded."""
    idle_timeout = "idle_timeout"
    """The session ends by idle_session_timeout before its first query arrives."""
    login_waits = "login_waits"
    """A login waits for a lock on a system catalogue, and so does every other one."""
    first_question = "first_question"
    """The login succeeds, but the first query of the session fails."""
    pooler = "pooler"
    wrong_server = "wrong_server"
    address = "address"
    """The configured address is invalid."""
    defect = "defect"
    """An error of our own while connecting, which says nothing of the server."""
    other = "other"


SILENT = frozenset({Cause.timeout, Cause.hung})
"""Causes without an answer; all others are one."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Connection state. None: unknown (yet)."""

    up: bool
    """Whether a standing session answers."""
    cause: Cause | None
    """Why it does not."""
    message: str | None
    """Error message of the server or the network, one line."""
    down_seconds: float | None
    can_connect: bool | None
    """Whether the last attempt to open a new session succeeded."""
    connect_cause: Cause | None
    connect_message: str | None
    refused_seconds: float | None
    """Seconds for which new sessions have been refused."""
    address: str
    """The address, without secrets."""
    user: str | None
    sessions: int
    """Number of open sessions of the daemon."""
    shut_down: bool = False
    """Whether the server, which is away, said that it was being shut down in order."""
    observer_starved: bool = False
    """Whether the daemon was short of CPU: then a time-out says nothing of the server."""

    @property
    def lacks_slots(self) -> bool:
        """Whether the last attempt found no free connection slot."""
        return self.connect_cause == Cause.slots_full


connection = Collector(
    row=Connection,
    lane=Lane.fast,
    metrics=(
        gauge(
            "pg_up",
            "Whether the server answers.",
            lambda row: None if row.cause is Cause.defect else row.up,
            note="0 as soon as the server stops answering; postgres_exporter may report 1 while all"
            " its collectors fail. Missing while a defect of pgvigil prevents asking.",
        ),
        replace(
            gauge(
                "pg_exporter_last_scrape_error",
                "Whether the server did not answer.",
                lambda row: not row.up,
            ),
            legacy=True,
            note="The inverse of `pg_up`; pg_scrape_collector_success is about single collectors.",
        ),
        replace(
            gauge(
                "pg_exporter_user_queries_load_error",
                "Whether a file of user queries could not be read.",
                lambda row: 0,
            ),
            legacy=True,
            note="Always 0, and without labels: pgvigil has no such files.",
        ),
    ),
)
