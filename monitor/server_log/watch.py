"""Watch of one server's log, and the place in it up to which it was read."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from alerts.history.memory import Memory, Namespace
from collectors._base import Absence
from collectors.log_counts import LogCount
from collectors.logged_plans import LoggedPlan
from collectors.server_log import ServerLog
from monitor.folder_watch import Folder, FolderWatch
from monitor.server_log.plans import PlanTally
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
    plans: tuple[LoggedPlan, ...] = ()


LogWatch = FolderWatch[Seen]


@dataclass(slots=True)
class LogBook:
    """Place and counts of one log; the thread of a visit alone uses it."""

    tail: Tail
    memory: Memory
    place: Namespace
    tally: Tally = field(default_factory=Tally)
    plans: PlanTally = field(default_factory=PlanTally)
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
        self.plans.begin()
        for line in self.tail.lines():
            parser, here = self._parser(), self.tail.position
            if here and here.inode != self.inode:
                self.inode = here.inode
                parser.begin_anew()
            for record in parser.records(iter((line,))):
                self.tally.add(record, now)
                self.plans.add(record, now)
        if at := self.tail.position:
            self.memory.put(self.place, POSITION, [at.device, at.inode, at.offset, at.head])
        return Seen(self.tally.rows(), self._log(), self.plans.rows())

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


def log_watch(
    book: LogBook | None,
    supply: Callable[[Seen], None],
    lacks: Callable[[Absence], None],
    pace: float,
) -> LogWatch:
    """Return the watch of that log; `pace` is in seconds."""
    folder = Folder(book.tail.folder, book.read) if book else None
    return FolderWatch(folder, supply, lacks, pace, NOT_CONFIGURED)
