"""Volumes of the server's files, where the daemon can see a mount of them; not asked by SQL."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample


@dataclass(frozen=True, slots=True)
class Volume:
    """One file system with files of the server."""

    places: str
    """What lies there: `data`, `wal`, `tablespace 16400`; several with commas."""
    path: str
    """Where the daemon sees it."""
    size_bytes: int | None
    """None, as are the next four, where it can't be looked at."""
    available_bytes: int | None
    """For the server, which is not root."""
    inodes: int | None
    """0 on file systems that make them as needed."""
    inodes_available: int | None
    log_bytes: int | None = None
    """Size of the server's own log files there; None also where they can't be listed."""
    error: str | None = None
    """Why it can't be looked at."""
    has_backup_label: bool | None = None
    """Whether the data directory has a backup_label; None also where that can't be seen."""
    backup_label_written: float | None = None
    """When it was written, in unix seconds."""

    @property
    def used_bytes(self) -> int | None:
        if self.size_bytes is None or self.available_bytes is None:
            return None
        return self.size_bytes - self.available_bytes


def each(name: str, text: str, value: Callable[[Volume], int | None]) -> "Metric[Volume]":
    def samples(rows: Sequence[Volume]) -> Iterable[Sample]:
        return (((row.places,), value(row)) for row in rows)

    return Metric(name, "gauge", text, ("places",), samples)


volumes = Collector(
    row=Volume,
    lane=Lane.normal,
    key=("places",),
    metrics=(
        each("pg_volume_size_bytes", "Size of the volume.", lambda row: row.size_bytes),
        each(
            "pg_volume_available_bytes",
            "Space of the volume that the server can still use.",
            lambda row: row.available_bytes,
        ),
        each("pg_volume_inodes", "Inodes of the volume.", lambda row: row.inodes),
        each(
            "pg_volume_inodes_available",
            "Inodes of the volume that are free.",
            lambda row: row.inodes_available,
        ),
    ),
)
