"""Watch of one server's log: read now and then, each time in a thread of its own.

A dead mount holds a reading thread for ever. So none is started while the last one has not
returned, and it is never the background thread.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

from alerts.history.memory import Memory, Namespace
from collectors._base import Absence
from collectors.log_counts import LogCount
from collectors.server_log import ServerLog
from monitor.plain_file import reason
from monitor.server_log.records import Parser
from monitor.server_log.tail import Position, Tail
from monitor.server_log.tally import Tally

SETTING = "server_log"
NOT_CONFIGURED = Absence(
    "the server's log is not read: no server_log is configured", setting=SETTING
)
POSITION = "position"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted up to the end of a visit."""

    counts: tuple[LogCount, ...]
    log: ServerLog


Outcome = Seen | Absence


@dataclass(slots=True)
class LogBook:
    """Place and counts of one log; the thread of a visit alone uses it."""

    tail: Tail
    memory: Memory
    place: Namespace
    tally: Tally = field(default_factory=Tally)
    parser: Parser | None = None
    kind: str = ""
    inode: int | None = None
    """The file that the last line was in: a record does not go on in another file."""

    @classmethod
    def of(cls, folder: Path, memory: Memory, server: str) -> "LogBook":
        place = Namespace("", server, "server_log")
        return cls(Tail(folder, remembered(memory.get(place, POSITION))), memory, place)

    def read(self, now: float) -> Seen:
        """Count what is new. Raises OSError."""
        for line in self.tail.lines():
            parser, here = self._parser(), self.tail.position
            if here and here.inode != self.inode:
                self.inode = here.inode
                parser.begin_anew()
            for record in parser.records(iter((line,))):
                self.tally.add(record, now)
        if at := self.tail.position:
            self.memory.put(self.place, POSITION, [at.device, at.inode, at.offset, at.head])
        return Seen(self.tally.rows(), self._log())

    def _parser(self) -> Parser:
        if self.parser is None or self.kind != self.tail.kind:
            self.kind = self.tail.kind
            dropped = self.parser.dropped if self.parser else 0
            self.parser = replace(Parser.of(self.kind), dropped=dropped)
        return self.parser

    def _log(self) -> ServerLog:
        tail, tally = self.tail, self.tally
        return ServerLog(
            format=tail.kind,
            records=tally.records,
            dropped=tail.dropped + (self.parser.dropped if self.parser else 0),
            skipped_bytes=tail.skipped_bytes,
            behind_bytes=tail.behind_bytes,
            temp_files=tally.temp_files,
            temp_bytes=tally.temp_bytes,
            autovacuums_cancelled=tally.autovacuums_cancelled,
            deadlocks=tuple(tally.deadlocks),
        )


def remembered(stored: object) -> Position | None:
    """Return a position as it was put, or as it came out of the state file."""
    match stored:
        case [int() as device, int() as inode, int() as offset, str() as head] if offset >= 0:
            return Position(device, inode, offset, head)
        case _:
            return None


class Visit:
    """One reading of the log, in a daemon thread."""

    def __init__(self, book: LogBook, now: float) -> None:
        self.book, self.now = book, now
        self.outcome: Outcome | None = None
        """What came of it; None until then. Set once, by the thread, before `done`."""
        self.done = Event()
        Thread(target=self._read, name="server log", daemon=True).start()

    def _read(self) -> None:
        try:
            self.outcome = self.book.read(self.now)
        except OSError as error:
            self.outcome = Absence(f"{self.book.tail.folder} can't be read: {reason(error)}")
        except Exception as defect:  # a defect of ours must not leave it unfinished for ever
            self.outcome = Absence(f"a defect in pgvigil: {type(defect).__name__}")
        finally:
            self.done.set()


@dataclass(slots=True)
class LogWatch:
    """The log of one server. `tick` is called every second, and never waits."""

    book: LogBook | None
    supply: Callable[[Seen], None]
    lacks: Callable[[Absence], None]
    pace: float
    """Seconds between two visits."""
    visit: Visit | None = None
    begun: float | None = None
    """When the last visit began, in unix seconds."""

    def tick(self, now: float) -> None:
        """Take over what was counted, and begin a visit that is due."""
        if self.book is None:
            self.lacks(NOT_CONFIGURED)
            return
        if self.visit and self.visit.done.is_set():
            self._take(self.visit.outcome)
            self.visit = None
        if self.begun is not None and now - self.begun < self.pace:
            return
        if self.visit:
            self.lacks(Absence(f"{self.book.tail.folder} does not answer: a dead mount?"))
        else:
            self.begun, self.visit = now, Visit(self.book, now)

    async def settled(self, seconds: float) -> None:
        """Wait for the visit that is under way, but not for longer than that."""
        if visit := self.visit:
            done = await asyncio.to_thread(visit.done.wait, seconds)
            if done:
                self._take(visit.outcome)
                self.visit = None

    def _take(self, outcome: Outcome | None) -> None:
        if isinstance(outcome, Seen):
            self.supply(outcome)
        elif outcome is not None:
            self.lacks(outcome)
