"""Throw-away server for untrusted SQL: no network, no programs, no files, little of the machine.

It listens on a socket in a private folder. Statements run as a role that is no superuser and has no
privileges beyond its own database, and the kernel limits what its processes may take.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from alerts.cure import identifier
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import LOGIN, Postgres
from monitor.migrations.guard import guarded_folder
from monitor.migrations.shielded_call import finished

Connection = asyncpg.Connection
MIGRATOR = "pgvigil_migrator"
DATABASE = "clone"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    # What is committed must outlive the crash of a session, not that of the machine.
    "synchronous_commit": "on",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "32MB",
    "max_connections": 10,
    "max_locks_per_transaction": 2000,
    "max_parallel_workers_per_gather": 0,
    "max_parallel_maintenance_workers": 0,
    "max_logical_replication_workers": 0,
    "max_wal_senders": 0,
    "max_wal_size": "64MB",
    "temp_file_limit": "256MB",
    # RAISE LOG in a loop would fill the disk.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}
LIMITED = (
    "/bin/sh",
    "-c",
    'ulimit -c 0; ulimit -f 524288 && ulimit -t 300 && ulimit -v 2097152 && exec "$@"',
    "sh",
)
"""Each process may write files up to 256 MB, use 300 s of CPU, and 2 GB of memory."""
LARGEST = 1 << 30
"""Bytes of the clone after which it is stopped."""
PACE = 0.5
"""Seconds between looks at its size."""
END = """
    select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
    where datname = $1 and pid <> pg_catalog.pg_backend_pid()
"""


@dataclass(slots=True)
class Scratch(ABC):
    """Database without rows, in which the statements of a file run."""

    major: int
    """Major version of its server."""
    outgrown: bool = False
    """Whether it was stopped because it took too much disk."""
    beyond: bool = False
    """Whether statements may reach what is not ours: its server has other databases and roles."""
    roles: frozenset[str] = frozenset()
    """Roles of the live server that its server has, too; others are not known there."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether another session can be opened."""

    @abstractmethod
    async def connect(self, **settings: str) -> "Connection[asyncpg.Record]":
        """Open a session as the role that runs the file, and owns the database.

        RESET gives it these `settings` again.
        """

    @abstractmethod
    async def connect_superuser(self) -> "Connection[asyncpg.Record] | None":
        """Open a session as superuser; None where there is none."""

    @abstractmethod
    async def end_sessions(self) -> None:
        """End all sessions in the database, also those that refuse to be cancelled."""


@dataclass(slots=True)
class ThrowAway(Scratch):
    """A running server of our own."""

    server: Postgres = None  # type: ignore[assignment]

    @property
    def running(self) -> bool:
        return self.server.running

    async def connect(self, **settings: str) -> "Connection[asyncpg.Record]":
        dsn = self.server.dsn(DATABASE, MIGRATOR)
        return await asyncpg.connect(dsn, statement_cache_size=0, server_settings=settings, **LOGIN)

    async def connect_superuser(self) -> "Connection[asyncpg.Record] | None":
        session: Connection[asyncpg.Record] = await asyncpg.connect(
            self.server.dsn(DATABASE), **LOGIN
        )
        return session

    async def end_sessions(self) -> None:
        admin = await asyncpg.connect(self.server.dsn(), **LOGIN)
        try:
            await admin.execute(END.replace("$1", f"'{DATABASE}'"))
        finally:
            await admin.close()

    async def watch_size(self) -> None:
        while self.server.running:
            if await asyncio.to_thread(_bytes_below, self.server.data) > LARGEST:
                self.outgrown = True
                self.server.kill()
            await asyncio.sleep(PACE)


@asynccontextmanager
async def scratch_server(roles: Iterable[str]) -> AsyncIterator[ThrowAway]:
    """Start a server with an empty database, and remove it afterwards. Raises LaunchError.

    `roles` exist in it without a login, as members of which the migrator may own objects.
    """
    owner = Owner.unprivileged()
    binaries = Binaries.of_wheel()
    major = binaries.major()
    with guarded_folder(owner.scratch("pgvigil-clone-")) as folder:
        server = Postgres(binaries, folder, owner, prefix=LIMITED)
        try:
            await finished(server.create, SETTINGS)
            await finished(server.start)
            made = await _prepare(server, roles)
            scratch = ThrowAway(major, roles=frozenset(made), server=server)
            watching = asyncio.create_task(scratch.watch_size())
            try:
                yield scratch
            finally:
                watching.cancel()
        finally:
            if server.running:
                server.kill()


async def _prepare(server: Postgres, roles: Iterable[str]) -> list[str]:
    made = []
    admin = await asyncpg.connect(server.dsn(), **LOGIN)
    try:
        await admin.execute(f"CREATE ROLE {MIGRATOR} LOGIN NOSUPERUSER")
        for role in roles:
            name = identifier(role)
            with suppress(asyncpg.PostgresError):  # reserved names
                await admin.execute(f"CREATE ROLE {name}; GRANT {name} TO {MIGRATOR}")
            made.append(role)
        await admin.execute(f"CREATE DATABASE {DATABASE} OWNER {MIGRATOR} TEMPLATE template0")
    finally:
        await admin.close()
    return made


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total
