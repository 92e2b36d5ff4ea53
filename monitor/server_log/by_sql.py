"""Log of a server whose folder is not mounted: the server reads it for us, part by part.

It does so by a function of its superuser, which `pgvigil setup-sql --server-log` makes: it returns
parts of log files, and of nothing else. No right to read files is granted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.cure import literal
from alerts.history.memory import Memory, Namespace
from monitor.reading import ReadFailure
from monitor.server_log.counter import LogCounter, Seen
from monitor.server_log.lines import Lines
from monitor.server_log.tail import HEAD, digest, kind_written

FUNCTION = "pgvigil.server_log_part"
PART = 256 << 10
"""Bytes of one answer, at most."""
ROUND = 1 << 20
"""Bytes that are read in one visit."""
BACKLOG = 16 << 20
"""Bytes beyond which reading goes on near the end."""
AGAIN = "run `pgvigil setup-sql --server-log` in that database"
ALLOWED = """
    select
        p.oid is not null                                                   as is_there,
        pg_catalog.has_function_privilege(p.oid, 'execute')                 as is_granted,
        (select r.rolsuper from pg_catalog.pg_roles r where r.oid = p.proowner)
                                                                            as is_safe,
        current_setting('logging_collector') = 'on'                         as is_collected,
        current_database()::text                                            as datname
    from (values ('pgvigil.server_log_part(text, bigint, bigint)')) as f (name)
    left join pg_catalog.pg_proc p on p.oid = pg_catalog.to_regprocedure(f.name)
"""
FILES = """
    select name::text, size, extract(epoch from modification)::float8 as written
    from pg_catalog.pg_ls_logdir()
    where name ~ '[.](json|csv)$'
    order by modification desc, name desc
    limit 100
"""
Ask = Callable[[str], Awaitable[Sequence[Any]]]
"""Asks the server one query; raises ReadFailure."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the server's folder."""

    name: str
    size: int
    written: float

    @property
    def kind(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Place:
    """Position up to which the log was read."""

    name: str
    offset: int
    head: str = ""
    """Digest of the first bytes up to it: a file may be written anew under its name."""


@dataclass(slots=True)
class LogBySql:
    """Reads the log of one server. At first only what is written from then on."""

    memory: Memory
    namespace: Namespace
    place: Place | None
    counter: LogCounter = field(default_factory=LogCounter)
    lines: Lines = field(default_factory=Lines)
    skipped: int = 0

    @classmethod
    def of(cls, memory: Memory, server: str) -> "LogBySql":
        namespace = Namespace("", server, "server_log_by_sql")
        return cls(memory, namespace, remembered(memory.get(namespace, "place")))

    async def read(self, ask: Ask, now: float) -> Seen:
        """Count what is new. Raises ReadFailure."""
        [allowed] = await ask(ALLOWED)
        if why := obstacle(allowed):
            raise ReadFailure(why, refused=True)
        files = of_one_kind([LogFile(*row) for row in await ask(FILES)])
        if not files:
            raise ReadFailure("there is no log file that ends in .json or .csv", refused=True)
        newest = files[-1]
        self.counter.begin(now)
        if self.place is None:
            self.place = await self._place(ask, newest.name, newest.size)
        left = ROUND
        for file in self._unread(files):
            left -= await self._read(ask, file, left, now)
            if left <= 0:
                break
        place = self.place
        self.memory.put(self.namespace, "place", [place.name, place.offset, place.head])
        size = next((file.size for file in files if file.name == place.name), place.offset)
        behind = max(0, size - place.offset)
        return self.counter.seen(newest.kind, self.lines.dropped, self.skipped, behind, now)

    def _unread(self, files: Sequence[LogFile]) -> Sequence[LogFile]:
        """Return the file that is being read, and those that were written after it."""
        assert self.place is not None
        names = [file.name for file in files]
        if self.place.name in names:
            return files[names.index(self.place.name) :]
        return files[-1:]

    async def _read(self, ask: Ask, file: LogFile, most: int, now: float) -> int:
        """Read what is new in a file, and return the number of bytes."""
        offset, read = await self._start(ask, file), 0
        while read < most and offset < file.size:
            part = await self._part(ask, file.name, offset, min(PART, most - read))
            read += len(part)
            part = part[: self.lines.used(part)]
            if not part:
                break
            lines = self.lines.of(part, file.kind)
            await asyncio.to_thread(self.counter.add, lines, file.kind, file.name, now)
            offset += len(part)
        if self.place is None or (self.place.name, self.place.offset) != (file.name, offset):
            self.place = await self._place(ask, file.name, offset)
        return read

    async def _start(self, ask: Ask, file: LogFile) -> int:
        """Return where to go on: at the beginning of a new file, and of one written anew."""
        place = self.place
        is_same = place is not None and place.name == file.name and file.size >= place.offset
        if is_same and place and file.size > place.offset:
            is_same = place == await self._place(ask, file.name, place.offset)
        if not is_same or place is None:
            self.lines.begin_anew()
            self.place = Place(file.name, 0)
            return 0
        if file.size - place.offset > BACKLOG:
            self.skipped += file.size - ROUND - place.offset
            self.lines.begin_inside()
            return file.size - ROUND
        return place.offset

    async def _place(self, ask: Ask, name: str, offset: int) -> Place:
        """Return a place in a file, with what tells its beginning from that of another."""
        head = await self._part(ask, name, 0, min(HEAD, offset)) if offset else b""
        return Place(name, offset, digest(head))

    async def _part(self, ask: Ask, name: str, offset: int, most: int) -> bytes:
        [row] = await ask(f"select {FUNCTION}({literal(name)}, {offset}, {most})")
        return row[0] or b""


def obstacle(allowed: Any) -> str | None:
    """Return why the log can't be read; None where it can."""
    where = f"the function {FUNCTION} of the database {allowed['datname']}"
    if not allowed["is_there"]:
        return f"{where} does not exist: {AGAIN}"
    if not allowed["is_safe"]:
        return f"{where} does not belong to a superuser, so it is not called: {AGAIN}"
    if not allowed["is_granted"]:
        return f"{where} was not granted: {AGAIN}"
    if not allowed["is_collected"]:
        return "the server keeps no log files of its own: logging_collector is off"
    return None


def of_one_kind(files: Sequence[LogFile]) -> list[LogFile]:
    """Return those of the format that is written, the oldest first."""
    newest = dict[str, float]()
    for file in files:
        newest[file.kind] = max(file.written, newest.get(file.kind, file.written))
    kind = kind_written(newest)
    same = (file for file in files if file.kind == kind)
    return sorted(same, key=lambda file: (file.written, file.name))


def remembered(stored: object) -> Place | None:
    """Return a place as it was put, or as it came out of the state file."""
    match stored:
        case [str() as name, int() as offset, str() as head] if offset >= 0:
            return Place(name, offset, head)
        case _:
            return None
