"""Segments of WAL: the number in a file's name, and where a file ends."""

import re

SEGMENT = re.compile(r"[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})")
LABEL = ".backup"
DEFAULT_BYTES = 16 * 1024**2


def end_of(name: str, segment_bytes: int) -> int | None:
    """Return the position (bytes since the beginning of WAL) at which a WAL file ends.

    The name of a partial segment begins like that of its segment. A history file has no position,
    and neither has the label of a backup: it is written when the backup ends, and named after the
    segment in which that has begun.
    """
    match = SEGMENT.match(name)
    if match is None or name.endswith(LABEL):
        return None
    high, low = (int(part, 16) for part in match.groups())
    return (high << 32) + (low + 1) * segment_bytes
