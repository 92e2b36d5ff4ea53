"""Disk of pg_wal, where the daemon sees a mount of it: what is free, and how long that lasts."""

from dataclasses import dataclass
from datetime import timedelta

from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text
from alerts.wal.speed import speed_of
from collectors.volumes import volumes

WAL = "wal"
"""The place of pg_wal, among those of a volume."""


@dataclass(frozen=True, slots=True)
class Room:
    """Free space for WAL."""

    bytes: int
    seconds: float | None
    """How long that lasts at the mean speed of up to the last hour; None: long, or unknown."""

    def is_short(self, least: timedelta) -> bool:
        return self.seconds is not None and self.seconds < least.total_seconds()

    @property
    def text(self) -> str:
        """A sentence, to be appended."""
        lasts = f", which lasts about {duration_text(self.seconds)}" if self.seconds else ""
        return f" Its disk has {bytes_text(self.bytes)} free{lasts}."


def room_of(snapshot: Snapshot) -> Room | None:
    """Return the room on the disk of pg_wal; None where it can't be looked at."""
    for row in snapshot.rows(volumes) if snapshot.has(volumes) else ():
        if WAL in row.places.split(", ") and row.available_bytes is not None:
            speed = speed_of(snapshot)
            return Room(row.available_bytes, speed.until(row.available_bytes) if speed else None)
    return None
