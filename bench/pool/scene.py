"""Scene: a real pgbouncer before a real server, and clients whose transactions arrive at random."""

import asyncio
import os.path
import random
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.pool.loads import DrawnLoad
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres

PORT = 6432
CLIENTS = 150
"""Clients with a connection each; none of them ever waits for another of its own."""
INI = """
[databases]
load = host={socket} port={server_port} dbname=load user=app pool_size={size}
[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = {port}
auth_type = any
pool_mode = transaction
max_client_conn = 400
query_wait_timeout = 0
stats_users = pgvigil
"""
SERVER = {
    "fsync": "off",
    "max_connections": 100,
    "shared_preload_libraries": "pg_stat_statements",
}


@dataclass(slots=True)
class Scene:
    """Server and pooler that run while a load is measured."""

    server: Postgres
    folder: Path

    @property
    def dsn(self) -> str:
        return f"host={self.folder} port={PORT} user=pgvigil dbname=pgbouncer"


def pgbouncer() -> Path:
    found = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise FileNotFoundError("pgbouncer is not installed")
    return Path(found)


@asynccontextmanager
async def running(load: DrawnLoad) -> AsyncIterator[Scene]:
    """Run a server and a pooler with a pool of the load's size."""
    owner = Owner.unprivileged()
    folder = owner.scratch()
    server = Postgres(Binaries.of_wheel(), folder, owner)
    server.create(SERVER)
    pooler = None
    try:
        server.start()
        admin = await asyncpg.connect(host=str(folder), port=server.port, user="postgres")
        await admin.execute("create database load")
        await admin.execute("create role app login")
        await admin.execute("create extension pg_stat_statements")
        await admin.close()
        ini = folder / "pgbouncer.ini"
        place = {"socket": folder, "server_port": server.port, "folder": folder, "port": PORT}
        ini.write_text(INI.format(size=load.size, **place))
        pooler = owner.popen([pgbouncer(), ini], folder / "pgbouncer.log")
        await _listens(folder / f".s.PGSQL.{PORT}")
        yield Scene(server, folder)
    finally:
        if pooler is not None:
            pooler.kill()
            pooler.wait()
        server.remove()


async def _listens(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not os.path.exists(path):  # noqa: ASYNC240 (a folder in memory)
        assert time.monotonic() < deadline, "pgbouncer does not listen"
        await asyncio.sleep(0.05)


@dataclass(slots=True)
class Crowd:
    """Clients of the pool."""

    sessions: asyncio.Queue[asyncpg.Connection]
    running: set[asyncio.Task[None]]
    late: int = 0
    """Transactions for which no client was free."""
    behind: float = 0.0
    """The most seconds by which a transaction came later than drawn, while it was measured: then
    many came at once, which is no arrival at random."""

    @classmethod
    async def of(cls, scene: Scene) -> "Crowd":
        sessions: asyncio.Queue[asyncpg.Connection] = asyncio.Queue()
        for _ in range(CLIENTS):
            sessions.put_nowait(
                await asyncpg.connect(
                    host=str(scene.folder),
                    port=PORT,
                    user="postgres",
                    database="load",
                    statement_cache_size=0,
                )
            )
        return cls(sessions, set())

    async def fill(self, size: int) -> None:
        """Let the pool open all its connections."""
        await asyncio.gather(*(self._transact(0.5) for _ in range(2 * size)))

    async def arrive(self, load: DrawnLoad, seed: int, seconds: float) -> None:
        """Let transactions arrive at random for these seconds."""
        dice = random.Random(seed)
        moment = begun = time.monotonic()
        while moment - begun < seconds:
            moment += dice.expovariate(load.arrivals)
            await asyncio.sleep(max(0.0, moment - time.monotonic()))
            self.behind = max(self.behind, time.monotonic() - moment)
            task = asyncio.create_task(self._transact(load.draw(dice)))
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def _transact(self, seconds: float) -> None:
        self.late += self.sessions.empty()
        session = await self.sessions.get()
        try:
            await session.execute(f"select pg_sleep({seconds:.6f})")
        finally:
            self.sessions.put_nowait(session)

    async def close(self) -> None:
        await asyncio.gather(*self.running, return_exceptions=True)
        while not self.sessions.empty():
            self.sessions.get_nowait().terminate()
