"""One guarded session: read-only, named, with deadlines that also end the query on the server."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import asyncpg

from collectors.certificate import Certificate
from monitor.address import Address
from monitor.certificate_time import expiry
from monitor.deadline import within
from monitor.heartbeat import Heartbeat
from monitor.postgres import session_settings
from monitor.postgres.backend_process import BackendProcess
from monitor.postgres.errors import QueryFailure, asking_first, connecting, negotiating, querying
from monitor.postgres.first_question import EXTENSIONS, Identity, make_ours, who_answers
from monitor.postgres.guarded_protocol import GuardedProtocol, guarding
from monitor.postgres.link import Link
from monitor.reading import Cost

T = TypeVar("T")
GRACE = 1.0
"""Seconds that a session is given to close politely."""
PAYLOAD = 8192
"""Bytes that are asked for to see what a byte takes."""
APART = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"
SHORTER = "; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}"
APART_ENDS = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()"
"""Settings end with the transaction; locks of a session would not."""
EXTENSIONS_HOLD = 300.0
"""Seconds after which one that was not there may have been made; a session lasts for an hour."""
OPENING = "open a session"
"""The first of a session's own questions."""


@dataclass(slots=True)
class Session:
    """An open session. At most one query runs on it; a second one waits."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    identity: Identity
    link: Link
    heart: Heartbeat = field(default_factory=Heartbeat)
    process: BackendProcess | None = None
    """The server process, where it runs on our host."""
    aside: list[tuple[str, Cost]] = field(default_factory=list)
    """What was asked here beside the collectors, and not charged yet."""
    opened: float = field(default_factory=time.monotonic)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    gave_up: bool = False
    """A query was not answered in time: the session is of no more use, even if it is open."""
    met: bool = False
    """Whether its identity has been taken note of."""
    asked_at: float | None = None
    """Monotonic time when the running query was sent; None while nothing runs."""
    sent_at: float = 0.0
    """Monotonic time when the newest query was handed over to be sent."""
    extensions_at: float = -math.inf
    """Monotonic time when it was asked which extensions there are."""
    wire: GuardedProtocol = field(init=False)
    """Stays when the connection is closed, which forgets it."""
    _asked: set[object] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.wire = wire(self.connection)

    @classmethod
    async def open(
        cls,
        address: Address,
        database: str | None,
        statement_timeout: float,
        deadline: float,
        heart: Heartbeat | None = None,
    ) -> "Session":
        """Connect and make sure whom we talk to. Raises ConnectFailure."""
        since = time.time()
        connection = await _connect(address, database, deadline)
        try:
            with asking_first(lambda: wire(connection).farewell):
                session = await within(deadline, cls.of(connection, statement_timeout))
            session.heart = heart or session.heart
            session.process = BackendProcess.find(session.identity.pid, since)
            session._see_the_opening()
            return session
        except BaseException:
            connection.terminate()
            raise

    def _see_the_opening(self) -> None:
        """Take the CPU time so far for the opening's, else the first answer is charged with it."""
        if self.process and (ran := self.process.taken()):
            cost = sum((cost for _, cost in self.aside), Cost())
            self.aside = [(OPENING, replace(cost, run=ran[0]))]

    @classmethod
    async def of(
        cls, connection: "asyncpg.Connection[asyncpg.Record]", statement_timeout: float
    ) -> "Session":
        """A session on an open connection, once it is known who answers. Raises ConnectFailure."""
        start, trips = time.monotonic(), wire(connection).trips
        identity = await make_ours(connection, statement_timeout, await who_answers(connection))
        first, trips = time.monotonic() - start, wire(connection).trips - trips
        link = await _measured(connection)
        await session_settings.watch_the_client(connection)
        session = cls(connection, identity, link)
        opening = max(0.0, first - trips * link.round_trip)
        session.aside.append((OPENING, Cost(opening, opening)))
        try:
            await session.learn_extensions(statement_timeout + 1)
        except QueryFailure:  # a lock, perhaps: who needs them asks again
            if session.lost:
                raise
        return session

    async def learn_extensions(self, deadline: float) -> None:
        """Ask which extensions are installed in this database. Raises QueryFailure."""
        self.extensions_at = time.monotonic()  # a lock on the catalogue is not met each time
        [record] = await self.fetch(EXTENSIONS, deadline)
        self.identity = replace(self.identity, extensions=record[0])

    @property
    def may_have_others(self) -> bool:
        """Whether an extension may have been made since it was asked."""
        return time.monotonic() - self.extensions_at >= EXTENSIONS_HOLD

    async def fetch(self, query: str, deadline: float) -> list[asyncpg.Record]:
        """The rows of one query. Raises QueryFailure; past the deadline the session is lost."""
        records, cost = await self.ask(query, deadline)
        self.aside.append((query, cost))
        return records

    async def ask(
        self,
        query: str,
        deadline: float,
        apart: bool = False,
        limits: tuple[int, int] | None = None,
    ) -> tuple[list[asyncpg.Record], Cost]:
        """The rows of one query and its cost, which the caller charges. Raises as `fetch`.

        `apart`: in a transaction that is rolled back, as it may call any function. `limits`: how
        many milliseconds it may wait there for a lock, and run.
        """
        return await self.run(
            lambda _: self._answer_apart(query, limits) if apart else self._answer(query), deadline
        )

    async def run(
        self,
        work: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[T]]",
        deadline: float,
    ) -> tuple[T, Cost]:
        """Do some work on the connection. Raises as `fetch`, and what else the work raises."""
        async with self.turn:
            self.asked_at = self.sent_at = time.monotonic()
            trips, octets = self.wire.trips, self.wire.octets
            try:
                with querying():
                    done = await within(deadline, work(self.connection))
                return done, self._cost(self.wire.trips - trips, self.wire.octets - octets)
            except QueryFailure as failure:
                self.gave_up = self.gave_up or failure.lost
                raise
            finally:
                self.asked_at = None

    async def _answer(self, query: str) -> list[asyncpg.Record]:
        self.sent_at = time.monotonic()
        return await self.connection.fetch(query)

    async def _answer_apart(
        self, query: str, limits: tuple[int, int] | None
    ) -> list[asyncpg.Record]:
        await self.connection.execute(APART + (SHORTER.format(*limits) if limits else ""))
        try:
            return await self._answer(query)
        finally:
            if not self.connection.is_closed():
                await self.connection.execute(APART_ENDS)

    def _cost(self, trips: int, octets: int) -> Cost:
        """What the newest answer cost, which came in that number of bytes."""
        seconds = self.wire.arrived - self.sent_at
        elapsed, link = self.link.elapsed(seconds, max(1, trips), octets)
        ran = self.process.taken() if self.process else None
        late = self.heart.lateness_at(self.wire.arrived)
        work = max(0.0, elapsed - late - link - (ran[1] if ran else 0.0))
        return Cost(elapsed, work, ran[0] if ran else None, late > 0)

    @property
    def certificate(self) -> Certificate:
        """What the server showed when the session was opened."""
        shown = self.wire.certificate
        return Certificate(shown is not None, expiry(shown) if shown else None)

    def is_new_to(self, question: object) -> bool:
        """Whether this is the first time that it is named here."""
        is_new = question not in self._asked
        self._asked.add(question)
        return is_new

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
            goodbye = asyncio.ensure_future(self.connection.close(timeout=GRACE))
            # It may fail when nothing waits for it any more, as we were cancelled.
            goodbye.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            try:
                with contextlib.suppress(Exception):
                    await asyncio.shield(goodbye)
            finally:
                self.connection.terminate()


async def _measured(connection: "asyncpg.Connection[asyncpg.Record]") -> Link:
    """End the first transaction, which takes hardly anything, and then ask for many bytes."""
    octets, before = wire(connection).octets, time.monotonic()
    await connection.execute("COMMIT")
    octets, between = wire(connection).octets - octets, time.monotonic()
    await connection.execute(f"select pg_catalog.repeat('x', {PAYLOAD})")
    return Link.of(between - before, octets, time.monotonic() - between, PAYLOAD)


async def _connect(
    address: Address, database: str | None, deadline: float
) -> "asyncpg.Connection[asyncpg.Record]":
    with (
        connecting(),
        negotiating(address.target()),
        guarding(address.target().auth_rule),
    ):
        arguments: dict[str, Any] = address.connect_arguments(database, session_settings.START_UP)
        # Its own deadline is taken by a clock that may be late, so it comes after ours.
        return await within(
            deadline,
            asyncpg.connect(**arguments, timeout=10 * deadline),
            discard=asyncpg.Connection.terminate,
        )


def wire(connection: "asyncpg.Connection[asyncpg.Record]") -> GuardedProtocol:
    """What counts that which comes from the server."""
    protocol: GuardedProtocol = getattr(connection, "_protocol")  # noqa: B009
    return protocol
