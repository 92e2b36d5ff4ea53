"""Runs a workload, and looks at its locks often: a film that can be watched at any pace."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from bench.deadlock.workloads import TABLES, Client, Work, Workload
from collectors._base import Collector
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from monitor.demo.launcher import Postgres

FRAME = 0.05
"""Seconds between two looks."""
AFTER = 0.5
"""Seconds that are filmed after the first deadlock."""
DEADLOCK_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Frame:
    at: float
    """Seconds since the workload began."""
    sessions: Sequence[Session]
    locks: Sequence[Lock]


@dataclass(slots=True)
class Film:
    workload: Workload
    frames: list[Frame] = field(default_factory=list)
    names: dict[Collector[Any], list[Any]] = field(default_factory=dict)
    died: float | None = None
    """When the first victim was told, in seconds since the workload began."""
    seconds: float = 0.0


async def record(server: Postgres, workload: Workload, seed: int) -> Film:
    """One run in a new database, until the first deadlock or the end of its time."""
    film = Film(workload)
    admin = await asyncpg.connect(server.dsn())
    name = f"run_{seed}"
    await admin.execute(f"create database {name}")
    setup = await asyncpg.connect(server.dsn(name))
    await setup.execute(TABLES)
    eye = await asyncpg.connect(server.dsn(name), server_settings={"search_path": "pg_catalog"})
    version = eye.get_server_version().major * 10000
    for collector in (user_tables, user_indexes):
        film.names[collector] = await _rows(eye, collector, version)
    clients = [
        await _client(server, name, workload, number, seed) for number in range(workload.clients)
    ]
    began = time.monotonic()
    dead = asyncio.Event()

    async def live(client: Client, work: Work) -> None:
        while True:
            try:
                async with client.session.transaction():
                    await work(client)
            except asyncpg.DeadlockDetectedError:
                if film.died is None:
                    film.died = time.monotonic() - began
                dead.set()

    kinds = workload.work
    tasks = [
        asyncio.create_task(live(client, kinds[client.number % len(kinds)])) for client in clients
    ]
    try:
        await _film(film, eye, version, began, dead)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            client.session.terminate()
        await setup.close()
        await eye.close()
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
    film.seconds = time.monotonic() - began
    return film


async def _film(
    film: Film,
    eye: "asyncpg.Connection[asyncpg.Record]",
    version: int,
    began: float,
    dead: asyncio.Event,
) -> None:
    number = 0
    while (now := time.monotonic() - began) < film.workload.seconds:
        if film.died is not None and now > film.died + AFTER:
            return
        sessions = await _rows(eye, activity, version)
        film.frames.append(Frame(now, sessions, await _rows(eye, locks, version)))
        number = max(number + 1, int((time.monotonic() - began) / FRAME) + 1)
        await asyncio.sleep(max(0.0, began + number * FRAME - time.monotonic()))


async def _client(
    server: Postgres, database: str, workload: Workload, number: int, seed: int
) -> Client:
    session = await asyncpg.connect(
        server.dsn(database), server_settings={"application_name": "shop"}
    )
    return Client(session, number, workload.rows, workload.think, random.Random(f"{seed}/{number}"))


async def _rows(
    eye: "asyncpg.Connection[asyncpg.Record]", collector: Collector[Any], version: int
) -> list[Any]:
    query = collector.query(version)
    assert query
    return [collector.row(**dict(record)) for record in await eye.fetch(query)]
