"""Session of a file on the clone: a statement that does not end in time costs it the session."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from monitor.migrations.relations import ALL, FIRST_OF_USERS, TOUCHED
from monitor.migrations.scratch import Scratch

EACH = 10.0
"""Seconds that a statement may take on a clone without rows."""
FLUSH = "select pg_catalog.pg_stat_force_next_flush()"
FLUSHES = 15
"""Major version from which on it exists."""
SCANS = f"""
    select oid::bigint as oid, pg_catalog.pg_stat_get_xact_numscans(oid) as scans
    from pg_catalog.pg_class
    where oid >= {FIRST_OF_USERS} and pg_catalog.pg_stat_get_xact_numscans(oid) > 0
"""  # noqa: S608
TIMEOUT = "select extract(epoch from pg_catalog.current_setting('lock_timeout')::interval)::float8"
NAMED = """
    select pg_catalog.to_regclass(name)::oid::bigint as oid from pg_catalog.unnest($1::text[]) name
"""
FATAL = ("FATAL", "PANIC")
"""Severities of errors that end the session."""
BROKEN = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    UnicodeError,
)
"""What a session can fail with."""
NO_ZONE = (asyncpg.InvalidParameterValueError, asyncpg.CantChangeRuntimeParamError)
"""How a server refuses a time zone that it does not know."""


class OutOfTime(Exception):
    """A statement did not end in time, and its session was ended."""


@dataclass(slots=True)
class CloneSession:
    """One session at a time; each question may raise any of BROKEN."""

    scratch: Scratch
    zone: str | None
    """Time zone of the live server; None: not known."""
    connection: "asyncpg.Connection[asyncpg.Record]"

    @classmethod
    async def open(cls, scratch: Scratch, zone: str | None) -> "CloneSession":
        return cls(scratch, zone, await connected(scratch, zone))

    async def open_again(self) -> None:
        """Open another session in place of one that has ended."""
        self.connection = await connected(self.scratch, self.zone)

    def end(self) -> None:
        self.connection.terminate()

    @property
    def ended(self) -> bool:
        return self.connection.is_closed()

    @property
    def in_transaction(self) -> bool:
        return self.connection.is_in_transaction()

    async def execute(self, sql: str) -> None:
        """Run it, and end the session if it takes too long; code can refuse to be cancelled.

        Raises OutOfTime.
        """
        running = asyncio.ensure_future(self.connection.execute(sql))
        try:
            done, _ = await asyncio.wait((running,), timeout=EACH)
        except asyncio.CancelledError:
            self.end()
            await _ended(running)
            raise
        if done:
            await running
            return
        with suppress(*BROKEN):
            await self.scratch.end_sessions()
        self.end()
        await _ended(running)
        raise OutOfTime

    async def execute_all(self, texts: Iterable[str]) -> bool:
        """Run them until one fails; return whether none did. Raises where the session ends."""
        try:
            for text in texts:
                await self.execute(text)
        except asyncpg.PostgresError as wrong:
            if wrong.severity_en in FATAL or isinstance(wrong, asyncpg.PostgresConnectionError):
                raise
            return False
        return True

    def aborted_by(self, wrong: asyncpg.PostgresError) -> bool:
        """Whether it is the open transaction that the failure has ended, and not the session."""
        return not self.ended and self.in_transaction and wrong.severity_en not in FATAL

    async def roll_back(self) -> None:
        if self.in_transaction:
            await self.connection.execute("ROLLBACK")

    async def relations(self) -> list[asyncpg.Record]:
        """Return all relations as they are now, for `Relations`."""
        return await self.connection.fetch(ALL)

    async def touched(self) -> list[asyncpg.Record]:
        """Return what the open transaction has locked, for `Relations.learn`."""
        return await self.connection.fetch(TOUCHED)

    async def named(self, names: Sequence[str]) -> list[int]:
        """Return the oids of the relations of these names, as the search_path of the file says."""
        rows = await self.connection.fetch(NAMED, names)
        return [row["oid"] for row in rows if row["oid"] is not None]

    async def lock_timeout(self) -> float:
        """Return the setting in seconds; 0 is none."""
        return float(await self.connection.fetchval(TIMEOUT) or 0.0)

    async def flush(self) -> None:
        """Have the counters of what ran before sent away, so that they begin at nothing."""
        if self.scratch.major >= FLUSHES:
            await self.connection.execute(FLUSH)

    async def scans(self) -> dict[int, int]:
        """Return how often each relation was scanned since its counters were sent away."""
        return {row["oid"]: row["scans"] for row in await self.connection.fetch(SCANS)}


async def connected(scratch: Scratch, zone: str | None) -> "asyncpg.Connection[asyncpg.Record]":
    """Open a session of the file, in the time zone of the live server where the clone knows it."""
    if zone:
        with suppress(*NO_ZONE):
            return await scratch.connect(timezone=zone)
    return await scratch.connect()


async def _ended(running: "asyncio.Future[str]") -> None:
    """Wait until a statement whose session was ended has failed."""
    await asyncio.wait((running,), timeout=EACH)
    if running.done():
        running.exception()
