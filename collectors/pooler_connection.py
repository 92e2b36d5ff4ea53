"""Connection to the console of a pooler, as known by the daemon itself."""

from dataclasses import dataclass
from enum import StrEnum

from collectors._base import Collector, Kind, Lane, gauge


class PoolerCause(StrEnum):
    """Reason for a console of a pooler that can't be asked."""

    absent = "absent"
    """Nothing listens at the address."""
    unresolved = "unresolved"
    timeout = "timeout"
    """The login got no answer."""
    hung = "hung"
    """Connected, but a command gets no answer: it is suspended, stopped or overloaded."""
    stopping = "stopping"
    full = "full"
    """It accepts no more connections, not even to the console."""
    auth = "auth"
    """The password is wrong, or the user is not known to the pooler."""
    auth_method = "auth_method"
    """It asks for a way to log in that we refuse, such as the password in clear."""
    not_allowed = "not_allowed"
    """The user is in neither stats_users nor admin_users."""
    tls = "tls"
    not_a_pooler = "not_a_pooler"
    """Something else than PgBouncer answers at this address."""
    address = "address"
    """The configured address is invalid."""
    other = "other"


SILENT = frozenset({PoolerCause.timeout, PoolerCause.hung})
"""Causes without an answer; all others are one."""


@dataclass(frozen=True, slots=True)
class PoolerConnection:
    """Connection state. None: unknown (yet)."""

    up: bool
    cause: PoolerCause | None
    message: str | None
    """Error message of the pooler or the network, one line."""
    down_seconds: float | None
    address: str
    """The address, without secrets."""
    user: str | None
    descriptor_limit: int | None = None
    """Open files that its process may have; known where we share its host and its socket."""
    is_encrypted: bool = False
    """Whether we speak to it over TLS; over a socket we never do."""
    certificate_expires: float | None = None
    """Unix seconds; None if no certificate is shown, or it can't be read."""
    observer_starved: bool = False
    """Whether the daemon was short of CPU: then a time-out says nothing of the pooler."""


pooler_connection = Collector(
    row=PoolerConnection,
    lane=Lane.fast,
    of=Kind.pgbouncer,
    metrics=(
        gauge("pgbouncer_up", "Whether the console of the pooler answers.", lambda row: row.up),
        gauge(
            "pgbouncer_certificate_not_after_timestamp_seconds",
            "Time when the certificate of the pooler expires; absent without TLS.",
            "certificate_expires",
        ),
    ),
)
