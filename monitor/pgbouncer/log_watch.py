"""Watch of a pooler's log, and the place in it up to which it was read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alerts.history.memory import Memory, Namespace
from collectors._base import Absence
from collectors.pooler_log import PoolerLog
from monitor.folder_watch import Folder, FolderWatch
from monitor.pgbouncer.log_lines import Refusals
from monitor.server_log.lines import LONGEST
from monitor.server_log.tail import Tail
from monitor.server_log.watch import POSITION, remembered

SETTING = "poolers.NAME.log"
NOT_CONFIGURED = Absence("its log is not read: no log is configured", setting=SETTING)
PACKED = (".gz", ".xz", ".zst", ".bz2")


@dataclass(slots=True)
class PoolerLogBook:
    """Place and counts of one log; the thread of a visit alone uses it."""

    tail: Tail
    memory: Memory
    place: Namespace
    refusals: Refusals = field(default_factory=Refusals)
    since: float | None = None
    is_current: bool = False
    """Whether it was read to its end once: what was written before the start is not of now."""

    @classmethod
    def of(cls, log: Path, memory: Memory, pooler: str) -> "PoolerLogBook":
        """Return the book of this file and of those that it was renamed to."""
        place = Namespace("", pooler, "pooler_log")

        def kind_of(name: str) -> str | None:
            is_older = name.startswith((f"{log.name}.", f"{log.name}-"))
            return "text" if name == log.name or (is_older and not name.endswith(PACKED)) else None

        position = remembered(memory.get(place, POSITION))
        tail = Tail(log.parent, position, kind_of, f"there is no file {log.name}", log.name)
        return cls(tail, memory, place)

    def read(self, now: float) -> PoolerLog:
        """Count what is new. Raises OSError."""
        for line in self.tail.lines():
            if self.is_current:
                self.refusals.add(line, now)
        self.is_current = self.is_current or self.tail.behind_bytes < LONGEST
        if self.since is None:
            self.since = now
        if at := self.tail.position:
            self.memory.put(self.place, POSITION, [at.device, at.inode, at.offset, at.head])
        return PoolerLog(
            since=self.since,
            refusals=tuple(self.refusals.rows()),
            records=self.refusals.records,
            dropped=self.tail.lines_of.dropped,
            skipped_bytes=self.tail.skipped_bytes,
            behind_bytes=self.tail.behind_bytes,
        )


def pooler_log_watch(
    book: PoolerLogBook | None,
    supply: Callable[[PoolerLog], None],
    lacks: Callable[[Absence], None],
    pace: float,
) -> FolderWatch[PoolerLog]:
    """Return the watch of that log; `pace` is in seconds."""
    folder = Folder(book.tail.folder, book.read) if book else None
    return FolderWatch(folder, supply, lacks, pace, NOT_CONFIGURED)
