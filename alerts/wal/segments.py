"""Segments of WAL: the number in a file's name, and where a file ends."""

import re

SEGMENT = re.compile(r"[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})")
DEFAULT_BYTES = 16 * 1024**2


def end_of(name: str, segment_bytes: int) -> int | None:
    """Return the position (bytes since the beginning of WAL) at which a WAL file ends.

    Names of backup labels and partial segments begin like those of their segments; that of a
    history file has no position.
    """
    match = SEGMENT.match(name)
    if match is None:
        return None
    high, low = (int(part, 16) for part in match.groups())
    return (high << 32) + (low + 1) * segment_bytes
