"""Retention of WAL: everything that keeps files in pg_wal, and how much each of them keeps."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from alerts.snapshot import Snapshot
from alerts.wal.archive_queue import queue_of
from alerts.wal.server_settings import number_of
from collectors.archiver import archiver
from collectors.last_checkpoint import last_checkpoint
from collectors.replication_slots import replication_slots


class Keeper(StrEnum):
    """Kind of object that can keep WAL."""

    slot = "slot"
    archive = "archive"
    keep_size = "keep size"
    checkpoint = "checkpoint"


@dataclass(frozen=True, slots=True)
class Retained:
    """WAL that one keeper keeps: all files from its oldest byte to the end."""

    keeper: Keeper
    name: str
    bytes: float


def retained_by(snapshot: Snapshot) -> tuple[Retained, ...]:
    """Return all known keepers, the largest first; what is not known is left out."""
    found = (*_slots(snapshot), *_archive(snapshot), *_keep_size(snapshot), *_checkpoint(snapshot))
    return tuple(sorted(found, key=lambda one: one.bytes, reverse=True))


def _slots(snapshot: Snapshot) -> Iterator[Retained]:
    for slot in snapshot.rows(replication_slots) if snapshot.has(replication_slots) else ():
        if slot.retained_bytes and not slot.is_invalid:
            yield Retained(Keeper.slot, slot.slot_name, slot.retained_bytes)


def _archive(snapshot: Snapshot) -> Iterator[Retained]:
    if not snapshot.has(archiver) or not snapshot.row(archiver).is_archiving:
        return
    queue = queue_of(snapshot)
    if queue and queue.bytes:
        yield Retained(Keeper.archive, "the archiver", queue.bytes)


def _keep_size(snapshot: Snapshot) -> Iterator[Retained]:
    kept = number_of(snapshot, "wal_keep_size")
    if kept and kept > 0:
        yield Retained(Keeper.keep_size, "wal_keep_size", kept)


def _checkpoint(snapshot: Snapshot) -> Iterator[Retained]:
    if snapshot.has(last_checkpoint):
        row = snapshot.row(last_checkpoint)
        if row.redo_bytes:
            yield Retained(Keeper.checkpoint, "the last checkpoint", row.redo_bytes)
