"""Queue of the archiver: how much WAL waits, and for how long."""

from dataclasses import dataclass

from alerts.history.crossings import Crossings
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text
from alerts.wal.segments import DEFAULT_BYTES, end_of
from alerts.wal.server_settings import number_of
from collectors.archiver import Archiver, archiver
from collectors.settings import settings
from collectors.wal_directory import wal_directory
from collectors.wal_position import wal_position

POSITIONS = Crossings(wal_position, "lsn")

GRAIN = 1.0
"""Seconds; the times of files are listed in whole seconds."""


@dataclass(frozen=True, slots=True)
class ArchiveQueue:
    """Finished WAL files that are not archived yet."""

    files: int
    bytes: int
    """From the first of them to the end of WAL: what archiving keeps in pg_wal."""
    waited_seconds: float | None
    """How long the first of them has waited; None if that is not known."""
    is_exact: bool = True
    """False: it has waited at least that long."""


EMPTY = ArchiveQueue(0, 0, 0.0)


def queue_of(snapshot: Snapshot) -> ArchiveQueue | None:
    """Return the queue, by the position of the last archived file; None if it is not known.

    Where that is no file of WAL, or nothing was archived yet, the listing of the archiver's files
    tells it. What was written while archive_mode was off waits for nothing: it was never listed.
    """
    row, segment = snapshot.row(archiver), segment_bytes(snapshot)
    end, here = _archived_until(row, segment), _written_until(snapshot)
    if end is None or here is None:
        return _listed(snapshot, row, segment)
    files, most = max(0, here // segment - end // segment), _most(snapshot, here, segment)
    files = files if most is None else min(files, most)
    if not files:
        return EMPTY
    first = max(end, (here // segment - files) * segment)
    return ArchiveQueue(files, here - first, *_waited(snapshot, row, first + segment))


def _most(snapshot: Snapshot, here: int, segment: int) -> int | None:
    """Return how many files can wait: those that were listed, and those finished since then."""
    listed = snapshot.row(wal_directory) if snapshot.has(wal_directory) else None
    if listed is None or listed.lsn is None:
        return None
    return listed.ready + max(0, here // segment - listed.lsn // segment)


def segment_bytes(snapshot: Snapshot) -> int:
    known = number_of(snapshot, "wal_segment_size") if snapshot.has(settings) else None
    return int(known or DEFAULT_BYTES)


def _archived_until(row: Archiver, segment: int) -> int | None:
    """Return where the archive ends: before the file that fails, if another kind of file was last.

    Files of WAL are archived in their order, and none after one that fails.
    """
    end = end_of(row.last_archived_wal, segment) if row.last_archived_wal else None
    if end is None and row.last_archived_wal and row.is_failing and row.last_failed_wal:
        failed = end_of(row.last_failed_wal, segment)
        return None if failed is None else failed - segment
    return end


def _written_until(snapshot: Snapshot) -> int | None:
    """Return the end of WAL. On a standby, a file is finished once the next one is received."""
    return snapshot.row(wal_position).lsn if snapshot.has(wal_position) else None


def _listed(snapshot: Snapshot, row: Archiver, segment: int) -> ArchiveQueue | None:
    if not snapshot.has(wal_directory) or _is_overtaken(snapshot, row):
        return None
    listed = snapshot.row(wal_directory)
    if not listed.ready:
        return EMPTY
    return ArchiveQueue(listed.ready, listed.ready * segment, _listed_seconds(snapshot))


def _waited(snapshot: Snapshot, row: Archiver, finished: int) -> tuple[float | None, bool]:
    """Return since when the first file is finished: as listed, else as seen in the positions.

    A listing from before the last success is of another file.
    """
    listed = _listed_seconds(snapshot)
    if listed is not None and listed <= (row.archived_seconds or 0.0) + GRAIN:
        return listed, True
    if POSITIONS not in snapshot.histories:
        return None, False
    passed = snapshot.of(POSITIONS).passed(finished)
    return (passed.seconds, passed.exact) if passed else (None, False)


def _is_overtaken(snapshot: Snapshot, row: Archiver) -> bool:
    """Whether a file was archived since the listing, which may have been the one that waited."""
    if row.archived_seconds is None:
        return False
    last = snapshot.answer(archiver).at - row.archived_seconds
    return snapshot.answer(wal_directory).at < last


def _listed_seconds(snapshot: Snapshot) -> float | None:
    """Return how long the first listed file has waited by now; the listing is minutes old."""
    if not snapshot.has(wal_directory):
        return None
    seconds = snapshot.row(wal_directory).ready_seconds
    if seconds is None:
        return None
    return seconds + max(0.0, snapshot.at - snapshot.answer(wal_directory).at)


def waiting_text(queue: ArchiveQueue | None) -> str:
    """Return a sentence about the queue; empty if nothing waits, or it is not known."""
    if not queue or not queue.files:
        return ""
    at_least = "" if queue.is_exact else "at least "
    waited = queue.waited_seconds
    oldest = f", the oldest for {at_least}{duration_text(waited)}" if waited is not None else ""
    return f" {plural(queue.files, 'file')} ({bytes_text(queue.bytes)}) wait{oldest}."
