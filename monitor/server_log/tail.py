"""Tail of a log folder: new lines of the newest files, over rotation, truncation and removal."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.server_log.lines import Lines

ROUND = 4 << 20
"""Bytes that are read in one round."""
BACKLOG = 64 << 20
"""Bytes beyond which reading goes on near the end: what is old helps no one."""
HEAD = 512
"""Bytes by which a file is known again."""
ENTRIES = 10_000
"""Entries of the folder that are looked at. Of more, the newest file may not be among them."""
AT_ONCE = 60.0
"""Seconds between the newest lines of two formats that are both written."""
PLAIN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
KINDS = ("json", "csv")
"""Formats that can be read, the better first; they are the ends of the files' names too."""


def by_ending(name: str) -> str | None:
    """Return the format of a file of the server's log; None of other files."""
    ending = name.rpartition(".")[2]
    return ending if ending in KINDS else None


@dataclass(frozen=True, slots=True)
class Position:
    """Position up to which the log was read."""

    device: int
    inode: int
    offset: int
    head: str = ""
    """Digest of the first bytes: the number of a removed file is used again."""

    def is_in(self, entry: "LogFile") -> bool:
        return (self.device, self.inode) == (entry.device, entry.inode)


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the folder."""

    name: str
    device: int
    inode: int
    size: int
    written: float


@dataclass(slots=True)
class Tail:
    """Reads one folder. At first only what is written from then on."""

    folder: Path
    position: Position | None = None
    kind_of: Callable[[str], str | None] = by_ending
    """Returns the format of a file by its name; None where it is none of the log."""
    missing: str = "there is no file that ends in .json or .csv"
    written: str | None = None
    """Name of the file that is written, where it is always the same: a copy that was made before
    it was truncated (copytruncate) may bear the same time."""
    kind: str = ""
    skipped_bytes: int = 0
    behind_bytes: int = 0
    lines_of: Lines = field(default_factory=Lines)
    newest_at: float = 0.0
    """Unix seconds of the last write to the file of the last line."""
    _read: int = 0
    """Bytes that this round has read."""

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that are new, with their ends. Raises OSError.

        A line whose end is not written yet is left for the next round.
        """
        there = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            files = self._files(there)
            if not files:
                raise OSError(errno.ENOENT, self.missing)
            if self.position is None:
                self._begin_at_end(files[-1])
            left = ROUND
            for file in self._unread(files):
                yield from self._new_lines(there, file, left)
                left = ROUND - self._read
                if left <= 0:
                    break
            self._measure(files)
        finally:
            os.close(there)

    def _files(self, there: int) -> list[LogFile]:
        """Return the files of the best format, in the order in which they were written."""
        found: dict[str, list[LogFile]] = {}
        self._read = 0
        with os.scandir(there) as entries:
            for number, entry in enumerate(entries):
                if number >= ENTRIES:
                    raise OSError(
                        errno.EFBIG, f"it has more than {ENTRIES:,} files; remove old ones"
                    )
                kind = self.kind_of(entry.name)
                if kind is not None and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found.setdefault(kind, []).append(
                        LogFile(
                            entry.name,
                            status.st_dev,
                            status.st_ino,
                            status.st_size,
                            status.st_mtime,
                        )
                    )
        if not found:
            return []
        newest = {kind: max(file.written for file in files) for kind, files in found.items()}
        self.kind = kind_written(newest)
        return sorted(found[self.kind], key=self._order)

    def _order(self, file: LogFile) -> tuple[bool, float, str]:
        return file.name == self.written, file.written, file.name

    def _begin_at_end(self, file: LogFile) -> None:
        self.position = Position(file.device, file.inode, file.size)
        self.lines_of.begin_anew()

    def _unread(self, files: list[LogFile]) -> list[LogFile]:
        """Return the file that is being read, and those that were written after it."""
        position = self.position
        assert position is not None
        for place, file in enumerate(files):
            if position.is_in(file):
                return files[place:]
        # It is gone: what came after it can't be told from what came before, except the newest.
        self.position = Position(files[-1].device, files[-1].inode, 0)
        self.lines_of.begin_anew()
        return files[-1:]

    def _new_lines(self, there: int, file: LogFile, most: int) -> Iterator[bytes]:
        descriptor = os.open(file.name, PLAIN, dir_fd=there)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return
            head = os.pread(descriptor, HEAD, 0)
            offset = self._start(status, head)
            content = os.pread(descriptor, most, offset)
        finally:
            os.close(descriptor)
        self._read += len(content)
        content = content[: self.lines_of.used(content)]
        end = offset + len(content)
        self.position = Position(status.st_dev, status.st_ino, end, digest(head[:end]))
        self.newest_at = status.st_mtime
        yield from self.lines_of.of(content, self.kind)

    def _start(self, status: os.stat_result, head: bytes) -> int:
        """Return where to go on: at the beginning of a new or truncated file."""
        position = self.position
        assert position is not None
        is_same = (position.device, position.inode) == (status.st_dev, status.st_ino)
        is_other = position.head not in ("", digest(head[: position.offset]))
        if not is_same or is_other or status.st_size < position.offset:
            self.lines_of.begin_anew()
            return 0
        if status.st_size - position.offset > BACKLOG:
            self.skipped_bytes += status.st_size - ROUND - position.offset
            self.lines_of.begin_inside()
            return status.st_size - ROUND
        return position.offset

    def _measure(self, files: list[LogFile]) -> None:
        position = self.position
        rest = [file for file in files if position and position.is_in(file)]
        offset = position.offset if position else 0
        self.behind_bytes = max(0, rest[0].size - offset) if rest else 0


def kind_written(newest: Mapping[str, float]) -> str:
    """Return the format that is written, by when each was written last; empty where there is none.

    The better one where both are: a round may come between the two.
    """
    latest = max(newest.values(), default=0.0)
    written = [kind for kind, at in newest.items() if at >= latest - AT_ONCE]
    return min(written, key=lambda kind: KINDS.index(kind) if kind in KINDS else 0, default="")


def digest(head: bytes) -> str:
    """Return what tells the beginning of a file from another, without any text of it."""
    return hashlib.blake2b(head, digest_size=8).hexdigest()
