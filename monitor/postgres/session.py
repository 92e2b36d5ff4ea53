"""One guarded session: read-only, named, with deadlines that also end the query on the server."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from collectors.connection import Cause
from monitor.address import Address
from monitor.postgres.errors import ConnectFailure, QueryFailure, connecting, querying
from monitor.postgres.login_guard import guarding

NAME = "pgvigil"
GRACE = 1.0
"""Seconds that a session is given to close politely."""
REMEMBERED = 300.0
"""Seconds for which asyncpg remembers how a query was prepared: until then it is one trip."""
# Sent while it is not sure who listens, a pooler perhaps that has lost our search_path.
IDENTITY = """
    select
        pg_catalog.pg_backend_pid()                                     as pid,
        pg_catalog.current_setting('server_version_num')::int           as version,
        pg_catalog.current_setting('server_version')                    as version_text,
        pg_catalog.pg_is_in_recovery()                                  as in_recovery,
        pg_catalog.pg_postmaster_start_time()::pg_catalog.text          as started,
        (
            select system_identifier from pg_catalog.pg_control_system()
        )::pg_catalog.text                                              as system_identifier,
        current_user::pg_catalog.text                                   as role,
        pg_catalog.current_database()::pg_catalog.text                  as database,
        coalesce((
            select pg_catalog.json_object_agg(e.extname, pg_catalog.quote_ident(n.nspname))
            from pg_catalog.pg_extension e
            join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) e.extnamespace
        ), '{}')::pg_catalog.text                                       as extensions
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which server it is that answers, and as whom we are there."""

    pid: int
    version: int
    version_text: str
    in_recovery: bool
    started: str
    system_identifier: str
    role: str
    database: str
    extensions: str
    """JSON: installed in this database, each with its schema, quoted."""

    def schema_of(self, extension: str) -> str:
        """Where an extension lives, fit for SQL; empty where it is not installed."""
        return str(json.loads(self.extensions).get(extension, ""))

    @property
    def server(self) -> tuple[str, str]:
        """What two sessions to one server have in common; virtual addresses lie."""
        return self.system_identifier, self.started


def start_up_settings(statement_timeout: float) -> dict[str, str]:
    """Settings that travel in the start-up packet: a SET may end up with another client."""
    return {
        "application_name": NAME,
        "default_transaction_read_only": "on",
        "statement_timeout": f"{statement_timeout * 1000:.0f}",
        "lock_timeout": "100",
        "idle_in_transaction_session_timeout": "10000",
        "idle_session_timeout": "300000",
        "client_connection_check_interval": "2000",
        "tcp_keepalives_idle": "15",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "search_path": "pg_catalog",
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        "datestyle": "ISO",
        "timezone": "UTC",
    }


@dataclass(slots=True)
class Session:
    """An open session. At most one query runs on it; a second one waits."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    identity: Identity
    round_trip: float
    """Seconds that an answer takes at least, whatever the server does."""
    opening: float = 0.0
    """Seconds that the server took for our first question, with everything cold."""
    trips: int = 1
    """How often the newest question went back and forth."""
    prepared: dict[str, float] = field(default_factory=dict)
    """Queries, and since when (monotonic) asyncpg remembers each."""
    opened: float = field(default_factory=time.monotonic)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    gave_up: bool = False
    """A query was not answered in time: the session is of no more use, even if it is open."""
    met: bool = False
    """Whether its identity has been taken note of."""
    asked_at: float | None = None
    """Monotonic time when the running query was sent; None while nothing runs."""
    _asked: set[object] = field(default_factory=set)

    @classmethod
    async def open(
        cls, address: Address, database: str | None, statement_timeout: float, deadline: float
    ) -> "Session":
        """Connect and make sure whom we talk to. Raises ConnectFailure."""
        settings = start_up_settings(statement_timeout)
        connection = await _connect(address, database, settings, deadline)
        try:
            with connecting():
                return await asyncio.wait_for(cls.of(connection), deadline)
        except BaseException:
            connection.terminate()
            raise

    @classmethod
    async def of(cls, connection: "asyncpg.Connection[asyncpg.Record]") -> "Session":
        """A session on an open connection, once it is known who answers. Raises ConnectFailure."""
        start = time.monotonic()
        record = await connection.fetchrow(IDENTITY)
        assert record is not None
        first = time.monotonic() - start
        if record["pid"] != connection.get_server_pid():
            raise ConnectFailure(
                Cause.pooler, "a connection pooler answers here: connect to PostgreSQL itself"
            )
        before = time.monotonic()
        await connection.execute("select")
        trip = time.monotonic() - before
        return cls(connection, Identity(**dict(record)), trip, max(0.0, first - 2 * trip))

    async def fetch(self, query: str, deadline: float) -> list[asyncpg.Record]:
        """The rows of one query. Raises QueryFailure; past the deadline the session is lost."""
        async with self.turn:
            self.asked_at = time.monotonic()
            self.trips = self._trips(query, self.asked_at)
            try:
                with querying():
                    records = await self.connection.fetch(query, timeout=deadline)
                # Measured once on a busy machine it may be long, and hide what queries cost.
                seconds = time.monotonic() - self.asked_at
                self.round_trip = min(self.round_trip, seconds / self.trips)
                return records
            except QueryFailure as failure:
                self.gave_up = self.gave_up or failure.lost
                raise
            finally:
                self.asked_at = None

    def is_new_to(self, question: object) -> bool:
        """Whether this is the first time that it is named here."""
        is_new = question not in self._asked
        self._asked.add(question)
        return is_new

    def _trips(self, query: str, now: float) -> int:
        """Of a query that is asked now: one, and another where it must be prepared first."""
        self.prepared = {q: at for q, at in self.prepared.items() if now - at < REMEMBERED}
        if query in self.prepared:
            return 1
        self.prepared[query] = now
        return 2

    @property
    def silent(self) -> float:
        """Seconds for which the running query has been waited for."""
        return time.monotonic() - self.asked_at if self.asked_at is not None else 0.0

    @property
    def lost(self) -> bool:
        return self.gave_up or self.connection.is_closed()

    async def close(self) -> None:
        """Politely if the server lets us, and then in any case."""
        if not self.connection.is_closed():
            with contextlib.suppress(Exception):
                await asyncio.shield(self.connection.close(timeout=GRACE))
            self.connection.terminate()


async def _connect(
    address: Address, database: str | None, settings: Mapping[str, str], deadline: float
) -> "asyncpg.Connection[asyncpg.Record]":
    with connecting(), guarding(address.target().auth_rule):
        arguments: dict[str, Any] = address.connect_arguments(database, settings)
        try:
            return await asyncpg.connect(**arguments, timeout=deadline)
        except asyncpg.InvalidParameterValueError as refused:
            # Not every platform can watch whether the client is still there.
            if "client_connection_check_interval" not in str(refused):
                raise
            arguments["server_settings"].pop("client_connection_check_interval")
            return await asyncpg.connect(**arguments, timeout=deadline)
