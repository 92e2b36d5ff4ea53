"""Guard: a process of its own that removes what a check made, if the check itself is killed.

As a program it reads what to remove as one line of JSON, and waits for the end of its input, which
comes with the end of the check, however that ends. A line after the first says that all is removed
already.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from alerts.cure import identifier
from monitor.address import Address
from monitor.postgres.guarded_protocol import guarding

PATIENCE = 20.0
"""Seconds that it tries to drop a database."""
EXISTS = "select datname from pg_catalog.pg_database where oid = $1"


@contextmanager
def guarded_folder(folder: Path) -> Iterator[Path]:
    """Remove the folder afterwards, and a server that runs in it, also if we are killed."""
    with guarded({"folder": str(folder)}):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def guarded(what: Mapping[str, Any]) -> Iterator[None]:
    """Have this removed if we are killed, or fail; otherwise the caller has removed it."""
    child = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(what).encode() + b"\n")
    child.stdin.flush()
    try:
        yield
        with suppress(OSError):
            child.stdin.write(b"removed\n")
    finally:
        with suppress(OSError):
            child.stdin.close()
        child.wait()


async def drop_database(connection: "asyncpg.Connection[asyncpg.Record]", oid: int) -> None:
    """Drop a database whatever was done to it. Raises PostgresError."""
    name = await connection.fetchval(EXISTS, oid)
    if name is None:
        return
    quoted = identifier(name)
    with suppress(asyncpg.PostgresError):
        await connection.execute(f"ALTER DATABASE {quoted} IS_TEMPLATE false")
    await connection.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


async def _drop(dsn: str, environ: Mapping[str, str], oid: int) -> None:
    address = Address.of(dsn, environ)
    async with asyncio.timeout(PATIENCE):
        with guarding(address.target().auth_rule):
            connection = await asyncpg.connect(**address.connect_arguments())
        await drop_database(connection, oid)
        await connection.close()


def _remove(folder: Path) -> None:
    """Kill the server whose data lies there, and remove all."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        if str(folder) in Path(f"/proc/{pid}/cmdline").read_text():
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for one in (pid, *map(int, children)):
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Wait for the end of the check, then remove what it has left."""
    what = json.loads(sys.stdin.readline() or "{}")
    if sys.stdin.readline() or not what:
        return
    if "folder" in what:
        _remove(Path(what["folder"]))
    else:
        asyncio.run(_drop(what["dsn"], what["environ"], what["database"]))


if __name__ == "__main__":
    main()
