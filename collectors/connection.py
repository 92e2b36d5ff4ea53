"""Whether the server answers: what the daemon itself knows of its conversation with it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from collectors._base import Collector, Lane, gauge


class Cause(StrEnum):
    """Why a server does not answer, or gives no new session."""

    absent = "absent"
    """Nobody listens there: refused, or no such socket."""
    unresolved = "unresolved"
    """The host's name means nothing to the resolver."""
    timeout = "timeout"
    """No answer while connecting."""
    hung = "hung"
    """Connected, but a query is not answered."""
    starting = "starting"
    stopping = "stopping"
    recovery = "recovery"
    """Up, but not (yet) open for sessions: not consistent, or hot_standby is off."""
    slots_full = "slots_full"
    role_full = "role_full"
    """Our role has all the sessions that it may have."""
    database_full = "database_full"
    """The database has all the sessions that it allows."""
    auth = "auth"
    pg_hba = "pg_hba"
    tls = "tls"
    no_database = "no_database"
    pooler = "pooler"
    wrong_server = "wrong_server"
    address = "address"
    """The configured address itself can't be used."""
    other = "other"


@dataclass(frozen=True, slots=True)
class Connection:
    """How the conversation stands. None is not known (yet)."""

    up: bool
    """A warm session answers."""
    cause: Cause | None
    """Why not."""
    message: str | None
    """What the server or the network said, one line."""
    down_seconds: float | None
    can_connect: bool | None
    """A new session could be opened when it was last tried."""
    connect_cause: Cause | None
    connect_message: str | None
    refused_seconds: float | None
    """For how long new sessions have been refused."""
    address: str
    """Where it is looked for, without secrets."""
    user: str | None
    sessions: int
    """How many of ours are open."""

    @property
    def lacks_slots(self) -> bool:
        """The last attempt found none free."""
        return self.connect_cause == Cause.slots_full


connection = Collector(
    row=Connection,
    lane=Lane.fast,
    metrics=(
        gauge(
            "pg_up",
            "Whether the server answers.",
            lambda row: row.up,
            note="0 as soon as the server answers no more; the other's session may say 1 while all"
            " its collectors fail.",
        ),
        replace(
            gauge(
                "pg_exporter_last_scrape_error",
                "Whether the server did not answer.",
                lambda row: not row.up,
            ),
            legacy=True,
            note="`pg_up` inverted; pg_scrape_collector_success tells of single collectors.",
        ),
        replace(
            gauge(
                "pg_exporter_user_queries_load_error",
                "Whether a file of user queries could not be read.",
                lambda row: 0,
            ),
            legacy=True,
            note="Always 0, and without labels: there are no such files here.",
        ),
    ),
)
