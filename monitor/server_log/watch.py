"""Watch of one server's log, and the place in it up to which it was read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alerts.history.memory import Memory, Namespace
from collectors._base import Absence
from monitor.folder_watch import Folder, FolderWatch
from monitor.server_log.counter import LogCounter, Seen
from monitor.server_log.tail import Position, Tail

SETTING = "server_log"
NOT_CONFIGURED = Absence(
    "the server's log is not read: no server_log is configured", setting=SETTING
)
POSITION = "position"
OLD = 3600.0
"""Seconds since the last write to a file, from which its lines are not those of now: they were
written while nothing was read. Less may be the clock of a file server."""
LogWatch = FolderWatch[Seen]


@dataclass(slots=True)
class LogBook:
    """Place and counts of one log; the thread of a visit alone uses it."""

    tail: Tail
    memory: Memory
    place: Namespace
    counter: LogCounter = field(default_factory=LogCounter)

    @classmethod
    def of(cls, folder: Path, memory: Memory, server: str) -> "LogBook":
        place = Namespace("", server, "server_log")
        return cls(Tail(folder, remembered(memory.get(place, POSITION))), memory, place)

    def read(self, now: float) -> Seen:
        """Count what is new. Raises OSError."""
        tail, counter = self.tail, self.counter
        counter.begin(now)
        for line in tail.lines():
            file = tail.position.inode if tail.position else None
            is_old = now - tail.newest_at > OLD
            counter.add((line,), tail.kind, file, tail.newest_at if is_old else now)
        if at := tail.position:
            self.memory.put(self.place, POSITION, [at.device, at.inode, at.offset, at.head])
        dropped, skipped, behind = tail.lines_of.dropped, tail.skipped_bytes, tail.behind_bytes
        return counter.seen(tail.kind, dropped, skipped, behind, now)


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
