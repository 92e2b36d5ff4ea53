"""SHOW POOLS: clients and server connections of each pool, a database and a user."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane, gauge

CONSOLE = "pgbouncer"
"""The console itself is listed among the pools, and is none."""
POOL = ("database", "user")


@dataclass(frozen=True, slots=True)
class Pool:
    database: str
    user: str
    cl_active: int | None
    cl_waiting: int | None
    cl_active_cancel_req: int | None
    cl_waiting_cancel_req: int | None
    sv_active: int | None
    sv_active_cancel: int | None
    sv_being_canceled: int | None
    sv_idle: int | None
    sv_used: int | None
    sv_tested: int | None
    sv_login: int | None
    maxwait: int | None
    maxwait_us: int | None
    """The part of the wait below a second."""
    pool_mode: str | None

    @property
    def is_console(self) -> bool:
        return self.database == CONSOLE

    @property
    def wait_seconds(self) -> float | None:
        """How long the first of the waiting clients has waited."""
        if self.maxwait is None:
            return None
        return self.maxwait + (self.maxwait_us or 0) / 1e6

    @property
    def established(self) -> int | None:
        """Server connections that are logged in."""
        known = (self.sv_active, self.sv_idle, self.sv_used, self.sv_tested)
        return None if None in known else sum(one for one in known if one)


pooler_pools = Collector(
    row=Pool,
    lane=Lane.fast,
    of=Kind.pgbouncer,
    console="SHOW POOLS",
    key=POOL,
    metrics=(
        gauge(
            "pgbouncer_pools_client_active_connections",
            "Clients that are linked to a server connection, or idle.",
            "cl_active",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_client_waiting_connections",
            "Clients that have sent a query and wait for a server connection.",
            "cl_waiting",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_client_active_cancel_connections",
            "Clients whose cancel request is on its way to the server.",
            "cl_active_cancel_req",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_client_waiting_cancel_connections",
            "Clients whose cancel request is not sent yet.",
            "cl_waiting_cancel_req",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_server_active_connections",
            "Server connections that are linked to a client.",
            "sv_active",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_server_active_cancel_connections",
            "Server connections that forward a cancel request.",
            "sv_active_cancel",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_server_being_canceled_connections",
            "Server connections that wait for cancel requests of theirs to end.",
            "sv_being_canceled",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_server_idle_connections",
            "Server connections that are ready for a query.",
            "sv_idle",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_server_used_connections",
            "Server connections that were idle for so long that they are checked first.",
            "sv_used",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_server_testing_connections",
            "Server connections that are reset or checked.",
            "sv_tested",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_server_login_connections",
            "Server connections that are logging in.",
            "sv_login",
            POOL,
        ),
        gauge(
            "pgbouncer_pools_client_maxwait_seconds",
            "How long the first of the waiting clients has waited.",
            "wait_seconds",
            POOL,
            note="With fractions of a second.",
        ),
    ),
)
