"""Runs a workload, and looks at its locks often: a film that can be watched at any pace."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from bench.deadlock.workloads import Client, Workload
from collectors._base import AnyCollector
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from monitor.demo.launcher import Postgres
from monitor.postgres.session import start_up_settings

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

FRAME = 0.05
"""Seconds between two looks."""
NAMES = 30.0
"""Seconds between two looks at tables and indexes: the pace of the daemon's table lane."""
Names = dict[str, Sequence[Any]]
AFTER = 0.5
"""Seconds that are filmed after the first deadlock."""
MONITOR = "bench_monitor"
"""A role with pg_monitor and nothing else: its eyes are the daemon's."""
LOST = (asyncpg.IntegrityConstraintViolationError, asyncpg.LockNotAvailableError)
"""What an application has to bear."""


@dataclass(frozen=True, slots=True)
class Frame:
    at: float
    """Seconds since the workload began."""
    sessions: Sequence[Session]
    locks: Sequence[Lock]
    """None are asked for while nobody waits, as in the daemon."""
    names: Names = field(default_factory=dict)
    """By collector; in some frames only."""


@dataclass(slots=True)
class Film:
    frames: list[Frame] = field(default_factory=list)
    died: float | None = None
    """When the first victim was told, in seconds since the workload began."""
    commits: int = 0
    seconds: float = 0.0


async def record(server: Postgres, workload: Workload, seed: int) -> Film:
    """One run in a new database, until the first deadlock or the end of its time."""
    admin = await asyncpg.connect(server.dsn())
    name = f"run_{seed}"
    await admin.execute(f"create database {name}")
    try:
        setup = await asyncpg.connect(server.dsn(name))
        await setup.execute(workload.tables)
        if setup.get_server_version().major >= 15:  # else its counters are late
            await setup.execute("select pg_stat_force_next_flush()")
        await setup.close()
        return await _run(server, name, workload, seed)
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def _run(server: Postgres, database: str, workload: Workload, seed: int) -> Film:
    eye = await asyncpg.connect(
        server.dsn(database, user=MONITOR), server_settings=start_up_settings(10)
    )
    clients = [
        await _client(server, database, workload, number, seed)
        for number in range(workload.clients)
    ]
    film, began = Film(), time.monotonic()
    tasks = [asyncio.create_task(_live(client, workload, film, began)) for client in clients]
    try:
        await _film(film, eye, workload.seconds, began)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            client.session.terminate()
        await eye.close()
    for end in ends:
        if isinstance(end, Exception):
            raise end
    film.seconds = time.monotonic() - began
    return film


async def _live(client: Client, workload: Workload, film: Film, began: float) -> None:
    work = workload.work[client.number % len(workload.work)]
    while True:
        try:
            async with client.session.transaction():
                await work(client)
            film.commits += 1
        except asyncpg.DeadlockDetectedError:
            if film.died is None:
                film.died = time.monotonic() - began
        except LOST:
            await client.pause()


async def _film(film: Film, eye: "Connection", seconds: float, began: float) -> None:
    version = eye.get_server_version().major * 10000
    number, named = 0, -NAMES
    while (now := time.monotonic() - began) < seconds:
        if film.died is not None and now > film.died + AFTER:
            return
        names: Names = {}
        if now >= named + NAMES:
            named = now
            names = {c.name: await _rows(eye, c, version) for c in (user_tables, user_indexes)}
        sessions = await _rows(eye, activity, version)
        waits = locks.gate is None or locks.gate.opens(sessions)
        found = await _rows(eye, locks, version) if waits else []
        film.frames.append(Frame(now, sessions, found, names))
        number = max(number + 1, int((time.monotonic() - began) / FRAME) + 1)
        await asyncio.sleep(max(0.0, began + number * FRAME - time.monotonic()))


async def _client(
    server: Postgres, database: str, workload: Workload, number: int, seed: int
) -> Client:
    session = await asyncpg.connect(
        server.dsn(database), server_settings={"application_name": "shop"}
    )
    return Client(
        session,
        number,
        workload.rows,
        workload.think,
        random.Random(f"{workload.name}/{seed}/{number}"),
    )


async def _rows(eye: "Connection", collector: AnyCollector, version: int) -> list[Any]:
    query = collector.query(version)
    assert query
    return [collector.row(**dict(record)) for record in await eye.fetch(query)]
