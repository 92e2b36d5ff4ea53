"""Throw-away server for untrusted SQL: no network, no programs, no files, little of the machine.

It listens on a socket in a private folder. Statements run as a role that is no superuser and has no
privileges beyond its own database, and the kernel limits what its processes may take.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from alerts.cure import identifier
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres

MIGRATOR = "pgvigil_migrator"
DATABASE = "clone"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
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
"""Bytes of the whole folder after which the server is stopped."""
PACE = 0.5
"""Seconds between looks at the size of the folder."""


@dataclass(slots=True)
class Scratch:
    """A running throw-away server."""

    server: Postgres
    outgrown: bool = False
    """Whether it was stopped because it took too much disk."""

    @property
    def owner_dsn(self) -> str:
        return self.server.dsn(DATABASE, MIGRATOR)

    @property
    def superuser_dsn(self) -> str:
        return self.server.dsn(DATABASE)

    async def watch_size(self) -> None:
        while self.server.running:
            if await asyncio.to_thread(_bytes_below, self.server.data) > LARGEST:
                self.outgrown = True
                self.server.kill()
            await asyncio.sleep(PACE)


@asynccontextmanager
async def scratch_server(roles: Iterable[str]) -> AsyncIterator[Scratch]:
    """Start a server with an empty database, and remove it afterwards. Raises LaunchError.

    `roles` exist in it without a login, as members of which the migrator may own objects.
    """
    owner = Owner.unprivileged()
    folder = owner.scratch("pgvigil-clone-")
    server = Postgres(Binaries.of_wheel(), folder, owner, prefix=LIMITED)
    try:
        await asyncio.to_thread(server.create, SETTINGS)
        await asyncio.to_thread(server.start)
        await _prepare(server, roles)
        scratch = Scratch(server)
        watching = asyncio.create_task(scratch.watch_size())
        try:
            yield scratch
        finally:
            watching.cancel()
    finally:
        if server.running:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


async def _prepare(server: Postgres, roles: Iterable[str]) -> None:
    admin = await asyncpg.connect(server.dsn())
    try:
        await admin.execute(f"CREATE ROLE {MIGRATOR} LOGIN NOSUPERUSER")
        for role in roles:
            name = identifier(role)
            with suppress(asyncpg.PostgresError):  # reserved names
                await admin.execute(f"CREATE ROLE {name}; GRANT {name} TO {MIGRATOR}")
        await admin.execute(f"CREATE DATABASE {DATABASE} OWNER {MIGRATOR} TEMPLATE template0")
    finally:
        await admin.close()


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total
