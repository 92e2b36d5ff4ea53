"""Runs a workload, and looks at its locks as the daemon does: a film that can be watched again."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from alerts.locks.order import NAMING
from bench.deadlock.clients import at_work
from bench.deadlock.grammar import Workload
from bench.deadlock.schema import MONITOR, statements
from collectors._base import AnyCollector, Role
from collectors.activity import Session as SessionRow
from collectors.activity import activity
from collectors.held_rows import HeldRow
from collectors.lock_keys import LockKey, lock_keys
from collectors.locks import Lock, locks
from collectors.open_transactions import OpenTransaction
from monitor.clock import Clock
from monitor.demo.launcher import Postgres
from monitor.polling.exposures import Exposed, expose, spacing_of
from monitor.polling.reader import Place, Reader
from monitor.polling.row_keys import UNKNOWN, Allowance, ContestedTables, share_of
from monitor.postgres import session_settings
from monitor.postgres.backend_process import BackendProcess
from monitor.postgres.session import Session
from monitor.reading import ReadFailure

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

FRAME = 0.25
"""Seconds between two queries: the pace of the daemon while sessions wait."""
CALM, HURRY = 1.0, 10.0
"""Seconds: the daemon's pace without waits, and how long it queries often after one."""
NAMES = 30.0
"""Seconds between two looks at tables and indexes: the pace of the daemon's table lane."""
DEADLINE = 10.0
AFTER = 1.5
"""Seconds that are filmed after the first victim was told."""
Names = dict[str, Sequence[Any]]
COMMITS = "select xact_commit::int from pg_stat_database where datname = $1"
"""Those of the look at the tables among them."""
DEADLOCKS = "select sum(deadlocks)::int from pg_stat_database"


@dataclass(frozen=True, slots=True)
class Frame:
    at: float
    """Seconds since the workload began."""
    sessions: Sequence[SessionRow]
    locks: Sequence[Lock]
    """Empty while no session waits, as in the daemon."""
    names: Names = field(default_factory=dict)
    """By collector; in some frames only."""
    held: Sequence[HeldRow] = ()
    """Read just after the locks, where keys were granted,"""
    transactions: Sequence[OpenTransaction] = ()
    """and how transactions went on, where that was asked for."""


@dataclass(slots=True)
class Film:
    frames: list[Frame] = field(default_factory=list)
    died: float | None = None
    """When the first deadlock was known, in seconds since the workload began."""
    commits: int = 0
    seconds: float = 0.0
    version: int = 0
    rhythm: bool = False
    """Whether it was looked at by the daemon's own rhythm, not always at the same pace."""


async def record(
    server: Postgres, workload: Workload, seconds: float, rhythm: bool = False
) -> Film:
    """One run in a new database, until the first deadlock or the end of its time."""
    admin = await asyncpg.connect(server.dsn())
    name = f"run_{workload.spec.number}_{workload.spec.twin.name}"
    await admin.execute(f"create database {name}")
    try:
        setup = await asyncpg.connect(server.dsn(name))
        for text in statements(workload):
            await setup.execute(text)
        version = setup.get_server_version().major
        if version >= 15:  # else its counters are late
            await setup.execute("select pg_stat_force_next_flush()")
        await setup.close()
        eye, third = [await _session(server, name) for _ in range(2)]
        film = Film(version=version, rhythm=rhythm)
        async with at_work(server, name, workload) as log:
            watching = _Watching(film, eye, third, admin, log.began)
            while film.died is None or film.seconds < film.died + AFTER:
                film.died = film.died or log.died
                if film.seconds >= seconds or log.failed:
                    break
                await watching.look()
            film.commits = await admin.fetchval(COMMITS, name)
        for session in (eye, third):
            await session.close()
        return film
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def _session(server: Postgres, database: str) -> Session:
    dsn, since = server.dsn(database, user=MONITOR), time.time()
    connection = await asyncpg.connect(dsn, server_settings=session_settings.START_UP)
    session = await Session.of(connection, DEADLINE)
    session.process = BackendProcess.find(session.identity.pid, since)
    return session


@dataclass(slots=True)
class _Watching:
    film: Film
    eye: Session
    third: Session
    admin: "Connection"
    began: float
    named: float = -NAMES
    hurry_until: float = -1.0
    counted: int | None = None
    keys: Sequence[LockKey] = ()
    allowance: Allowance = field(default_factory=Allowance)
    contested: ContestedTables = field(default_factory=ContestedTables)
    reader: Reader = field(default_factory=lambda: Reader(Clock()))

    @property
    def place(self) -> Place:
        return Place(self.eye, None, Role.primary)

    async def look(self) -> None:
        now = time.monotonic() - self.began
        names: Names = {}
        if now >= self.named + NAMES:
            self.named = now
            names = {c.name: await self._rows(c) for c in NAMING}
            self.keys = await self._rows(lock_keys)
        sessions = await self._rows(activity)
        waits = locks.gate is None or locks.gate.opens(sessions)
        found = await self._rows(locks) if waits else []
        more = await self._expose(sessions, found, now)
        self.film.frames.append(Frame(now, sessions, found, names, more.held, more.transactions))
        if waits:
            self.hurry_until = now + HURRY
        await self._count(now)
        self.film.seconds = now
        calm = self.film.rhythm and now >= self.hurry_until
        step = CALM if calm else FRAME
        elapsed = time.monotonic() - self.began
        await asyncio.sleep(max(0.02, now + step - elapsed))

    async def _expose(
        self, sessions: Sequence[SessionRow], found: Sequence[Lock], now: float
    ) -> Exposed:
        """What the third session of the daemon would read, in its share of the time."""
        wanted = self.contested.look(found, self.keys, sessions, now)
        read = Exposed()
        if wanted and now >= self.allowance.due:
            spacing = spacing_of(sessions)
            with suppress(ReadFailure):
                read = await expose(self.third, wanted, spacing, DEADLINE, lambda _: None)
            self.allowance.spend(read.work or UNKNOWN, now, share_of(wanted))
        return read

    async def _count(self, now: float) -> None:
        """The server counts what pgbench does not report, a little later."""
        number: int = await self.admin.fetchval(DEADLOCKS)
        self.counted = number if self.counted is None else self.counted
        if number > self.counted and self.film.died is None:
            self.film.died = now

    async def _rows(self, collector: AnyCollector) -> list[Any]:
        reading = await self.reader.read(collector, self.place, DEADLINE)
        assert not reading.missing, reading.missing
        return list(reading.rows)
