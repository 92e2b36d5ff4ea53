"""Trends of what fills a volume: the volume itself, WAL, temporary files and logs."""

from collections.abc import Iterator

from alerts.runway.trends import Point, Trends
from collectors._base import AnyAnswer
from collectors.log_files import log_files
from collectors.temp_files import temp_files
from collectors.volumes import volumes
from collectors.wal_directory import wal_directory

LOG = "log"
INODES = "inodes of "
"""What the key of a volume begins with where its inodes are counted."""


def _volumes(answer: AnyAnswer) -> Iterator[Point]:
    for row in answer.rows:
        if row.used_bytes is not None:
            yield Point(row.places, row.used_bytes, str(row.size_bytes))
        if row.inodes and row.inodes_available is not None:
            used = row.inodes - row.inodes_available
            yield Point(INODES + row.places, used, str(row.inodes))
        if row.log_bytes is not None:
            yield Point(LOG, row.log_bytes)


def _wal(answer: AnyAnswer) -> Iterator[Point]:
    return (Point("", row.size_bytes) for row in answer.rows)


def _temporary(answer: AnyAnswer) -> Iterator[Point]:
    yield Point("", sum(row.size_bytes for row in answer.rows))


def _log(answer: AnyAnswer) -> Iterator[Point]:
    return (Point("", row.size_bytes) for row in answer.rows if row.size_bytes is not None)


VOLUMES = Trends(volumes, "volumes", _volumes)
WAL_SIZE = Trends(wal_directory, "wal_size", _wal)
TEMPORARY = Trends(temp_files, "temp_files", _temporary)
LOG_FILES = Trends(log_files, "log_files", _log)
