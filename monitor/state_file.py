"""State file: memory on disk in one SQLite file, written by one thread.

Whatever is wrong with the file, the daemon works: what can be read is read, `error` says what is
wrong, and nothing is written to a file that is not ours alone.
"""

import asyncio
import fcntl
import json
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn, cast

import structlog

from alerts.history.memory import Change, Json, Memory, Namespace
from alerts.history.samples import NewSample, Sample, Series
from alerts.verdicts.cases import is_wrong
from monitor import sample_rows

log = structlog.get_logger("pgvigil")
SCHEMA = """
    create table if not exists memory (
        cluster text not null, server text not null, room text not null, key text not null,
        value text not null, primary key (cluster, server, room, key)
    ) without rowid
"""
READ = "select cluster, server, room, key, value from memory"
PUT = "insert or replace into memory (cluster, server, room, key, value) values (?, ?, ?, ?, ?)"
FORGET = "delete from memory where (cluster, server, room, key) = (?, ?, ?, ?)"
VERSION = 2
"""1 had no samples; such a file is added to as it is."""
COMMIT_SAMPLES = 60.0
"""Seconds between two writes of samples."""
UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
PATIENCE = 1.0
"""Seconds to wait for another process that holds the file."""
MAGIC = b"SQLite format 3\0"
LARGEST = 1 << 20
"""Bytes of a value; ours are far smaller."""
HIGHEST = 1e20
"""Numbers beyond it are none of ours, and would end the first calculation with a float."""
MAY_BE_HIGH = re.compile(r"[0-9]{20}|[0-9][eE]\+?[0-9]{2}|NaN|Infinity")


class Unusable(Exception):
    """The file must not be written; the message is a clause, such as "another pgvigil uses it"."""


class StateFile:
    """Reads everything at start, and writes what has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        """Why the file can't be read or written at the moment, as a clause."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="state-file")
        self._read = False
        self._lock: int | None = None
        self._inode: tuple[int, int] | None = None
        self._samples_written = time.monotonic()

    def load(self, memory: Memory) -> None:
        """Fill the memory, and make sure that the file can be written."""
        memory.samples.read_file = self.read_samples
        with self._trouble_said():
            self._claim(memory)
            with closing(self._writable()):
                pass

    def read(self, memory: Memory) -> None:
        """Fill the memory for a single check, which never writes."""
        memory.samples.read_file = self.read_samples
        with self._trouble_said("state file can't be read"):
            self._recall(memory)

    def read_samples(self, series: Series, step: int, since: float) -> Sequence[Sample]:
        """Read samples, the oldest first; none where the file has none, or can't be read."""
        try:
            if not _is_there(self.path):
                return ()
            with closing(_readable(self.path)) as connection:
                connection.execute("pragma query_only = on")
                if connection.execute("pragma user_version").fetchone() != (VERSION,):
                    return ()
                return sample_rows.read(connection, series, step, since)
        except (sqlite3.Error, OSError, Unusable):
            return ()  # what is wrong with the file is said when it is written

    async def save(self, memory: Memory, last: bool = False) -> None:
        """Write what has changed, in another thread; what fails is written the next time."""
        batch, written = memory.take_changes(), False
        is_time = last or time.monotonic() - self._samples_written >= COMMIT_SAMPLES
        samples = memory.samples.take_new() if is_time else []
        if batch or samples or self.error:
            loop = asyncio.get_running_loop()
            try:
                written = await loop.run_in_executor(
                    self._writer, self._write, memory, batch, samples
                )
            finally:
                if not written:
                    memory.give_back(batch)
                    memory.samples.give_back(samples)
        if is_time:
            self._samples_written = time.monotonic()

    async def close(self, memory: Memory) -> None:
        await self.save(memory, last=True)
        self._writer.shutdown(wait=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _claim(self, memory: Memory) -> None:
        """Read the file, if that has not been done, and keep other daemons away from it."""
        if not self._read:
            self._recall(memory)
            self._read = True
        if self._lock is None:
            self._lock = _locked(self.path.with_name(self.path.name + ".lock"))

    def _recall(self, memory: Memory) -> None:
        if wrong := recall(self.path, memory):
            log.warning(
                "state file has entries that can't be read, the others were",
                path=str(self.path),
                entries=wrong,
            )

    def _write(self, memory: Memory, batch: list[Change], samples: list[NewSample]) -> bool:
        had_trouble = self.error is not None
        with self._trouble_said():
            self._claim(memory)
            is_another = self._is_another()
            with closing(self._writable()) as connection, connection:
                if is_another:
                    log.warning(
                        "state file was replaced, all of it is written", path=str(self.path)
                    )
                    batch = memory.everything()
                put = [one for one in batch if one[2] is not None and _is_text(one)]
                gone = [one for one in batch if one[2] is None and _is_text(one)]
                connection.executemany(
                    PUT, ((*place, key, json.dumps(value)) for place, key, value in put)
                )
                connection.executemany(FORGET, ((*place, key) for place, key, _ in gone))
                sample_rows.write(connection, samples)
            self._inode = _inode(self.path)
        if had_trouble and not self.error:
            log.info("state file is written again", path=str(self.path))
        return self.error is None

    def _is_another(self) -> bool:
        """Whether the file that was written last was removed or replaced."""
        return self._inode is not None and self._inode != _inode(self.path)

    def _writable(self) -> sqlite3.Connection:
        """Open a connection for the moment: a file that was moved or mounted away is noticed."""
        if _is_there(self.path):
            _check_kind(self.path)
        connection = sqlite3.connect(self.path, timeout=PATIENCE)
        with _closed_on_error(connection):
            _check_version(connection)
            # A kill of ours loses nothing that was committed; only a power cut may.
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            for statement in (SCHEMA, *sample_rows.SCHEMA):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {VERSION}")
        return connection

    @contextmanager
    def _trouble_said(self, said: str = "state file is not written") -> Iterator[None]:
        """Keep what is wrong as `error`, and log it once."""
        try:
            yield
        except (sqlite3.Error, OSError, Unusable) as wrong:
            error = _clause(wrong)
            if self.error != error:
                log.error(said, path=str(self.path), error=error)
            self.error = error
        else:
            self.error = None


def recall(path: Path, memory: Memory) -> int:
    """Fill the memory with what can be read, and return how many entries can't be.

    Nothing is written, and what the memory has already is newer. Raises sqlite3.Error, OSError
    or Unusable, after what could be read was read.
    """
    if not _is_there(path):
        return 0
    wrong = 0
    with closing(_readable(path)) as connection:
        connection.text_factory = bytes
        if not connection.execute("select 1 from sqlite_master where name = 'memory'").fetchone():
            return 0
        for row in connection.execute(READ):
            if change := _change(row):
                memory.restore_missing(*change)
            else:
                wrong += 1
    return wrong


def _readable(path: Path) -> sqlite3.Connection:
    """Open a connection that only reads, also where nothing may be written beside the file."""
    _check_kind(path)
    for option in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{option}", PATIENCE, uri=True)
        with _closed_on_error(connection):
            try:
                # Else nothing is read of a file whose end is missing.
                connection.execute("pragma writable_schema = on")
                connection.execute("select count(*) from sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in UNWRITABLE or "immutable" in option:
                    raise
                connection.close()
            else:
                return connection
    raise AssertionError("unreachable")


def _change(row: tuple[object, ...]) -> Change | None:
    """Return the entry of a row; None if it can't be one of ours."""
    try:
        texts = [part.decode() if isinstance(part, bytes) else "" for part in row]
        if not all(texts[2:]) or len(texts[4]) > LARGEST:
            return None
        value = _value(texts[4])
    except (ValueError, RecursionError):
        return None
    cluster, server, room, key, _ = texts
    return None if is_wrong(key, value) else (Namespace(cluster, server, room), key, value)


def _value(text: str) -> Json:
    """Parse a value. Raises ValueError also where it has a number that is none of ours."""
    if not MAY_BE_HIGH.search(text):
        return cast(Json, json.loads(text))
    return cast(
        Json,
        json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_no_number),
    )


def _integer(written: str) -> int:
    number = int(written)
    return number if abs(number) < HIGHEST else _no_number(written)


def _float(written: str) -> float:
    number = float(written)
    return number if abs(number) < HIGHEST else _no_number(written)


def _no_number(written: str) -> NoReturn:
    """Refuse NaN and infinities too: each comparison with NaN is false."""
    raise ValueError(f"{written[:20]} is none of our numbers")


def _is_there(path: Path) -> bool:
    """Raises OSError where it can't be known: no right to see its folder, too long a name."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _check_kind(path: Path) -> None:
    """SQLite would wait for a pipe, and take a file of a few bytes for an empty database."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise Unusable("it is not a plain file")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) not in (MAGIC, b""):
            raise Unusable("it is not a state file")


def _check_version(connection: sqlite3.Connection) -> None:
    [version] = connection.execute("pragma user_version").fetchone()
    if not 0 <= version <= VERSION:
        raise Unusable(
            f"another version of pgvigil wrote it (format {version}, this one knows {VERSION})"
        )
    if version == 0 and connection.execute("select 1 from sqlite_master").fetchone():
        raise Unusable("it is a database of another program")


def _locked(path: Path) -> int:
    """Return a descriptor that keeps the file beside the state file locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unusable("another pgvigil uses it") from None
    except OSError:
        pass  # a file system without locks
    return descriptor


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_text(change: Change) -> bool:
    """Whether SQLite can keep the names: a lone surrogate is no text."""
    place, key, _ = change
    try:
        "".join((*place, key)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _clause(wrong: Exception) -> str:
    if isinstance(wrong, sqlite3.OperationalError) and "locked" in str(wrong):
        return "another process has locked it"
    if isinstance(wrong, OSError) and wrong.strerror:
        return wrong.strerror[0].lower() + wrong.strerror[1:]
    if isinstance(wrong, sqlite3.DatabaseError) and "not a database" in str(wrong):
        return "it is not a state file"
    return str(wrong)


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
