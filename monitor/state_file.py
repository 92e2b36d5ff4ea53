"""State file: history in an SQLite file with one writer thread; it survives a full disk."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import structlog

from alerts.history.memory import Change, Memory, Namespace
from monitor.config.errors import ConfigurationError

log = structlog.get_logger("pgvigil")
SCHEMA = """
    create table if not exists memory (
        cluster text not null, server text not null, room text not null, key text not null,
        value text not null, primary key (cluster, server, room, key)
    ) without rowid
"""
VERSION = 1


class StateFileError(ConfigurationError):
    """The file exists, but is not a state file or not readable; the message is one sentence."""


class StateFile:
    """SQLite file that is read at the start; `save` writes changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        """Why the file can't be written at the moment; None if it can."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="state-file")

    def load(self, memory: Memory) -> None:
        """Read the history. Raises StateFileError if the file can't be used."""
        try:
            with closing(self._open()) as connection:
                memory.restore(
                    (Namespace(*place), key, json.loads(value))
                    for *place, key, value in connection.execute("select * from memory")
                )
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                self._trouble(error)
                return
            raise StateFileError(f"state_file {self.path} is not a state file: {error}") from None

    async def save(self, memory: Memory) -> None:
        """Write the changes in another thread; after a failure, the next call tries again."""
        batch, written = memory.take_changes(), False
        if batch:
            loop = asyncio.get_running_loop()
            try:
                written = await loop.run_in_executor(self._writer, self._write, batch)
            finally:
                if not written:
                    memory.give_back(batch)

    async def close(self, memory: Memory) -> None:
        await self.save(memory)
        self._writer.shutdown(wait=True)

    def _write(self, batch: list[Change]) -> bool:
        try:
            with closing(self._open()) as connection, connection:
                connection.executemany(
                    "insert or replace into memory values (?, ?, ?, ?, ?)",
                    (
                        (*place, key, json.dumps(value))
                        for place, key, value in batch
                        if value is not None
                    ),
                )
                connection.executemany(
                    "delete from memory where (cluster, server, room, key) = (?, ?, ?, ?)",
                    ((*place, key) for place, key, value in batch if value is None),
                )
        except sqlite3.Error as error:
            self._trouble(error)
            return False
        if self.error:
            log.info("state file is written again", path=str(self.path))
        self.error = None
        return True

    def _open(self) -> sqlite3.Connection:
        """Open a connection for each use, so that a moved or unmounted file is noticed."""
        connection = sqlite3.connect(self.path, timeout=1)
        with _closed_on_error(connection):
            # A kill of the process loses no committed data; only a power failure may.
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            [version] = connection.execute("pragma user_version").fetchone()
            if version not in (0, VERSION):
                raise StateFileError(
                    f"state_file {self.path} was written by another version of pgvigil"
                    f" (format {version}, this one knows {VERSION})"
                )
            if version == 0:
                connection.execute(SCHEMA)
                connection.execute(f"pragma user_version = {VERSION}")
        return connection

    def _trouble(self, error: sqlite3.Error) -> None:
        if self.error != str(error):
            log.error("state file can't be written", path=str(self.path), error=str(error))
        self.error = str(error)


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
