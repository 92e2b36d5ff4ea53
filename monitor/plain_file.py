"""Small files that people or an orchestrator write: read whole, with a limit, without waiting."""

import errno
import os
import stat
from pathlib import Path

LARGEST = 1 << 20
"""Bytes. Configurations of a thousand servers need a fifth of this."""


class NotPlain(OSError):
    """A file of another kind or size than we read; its `strerror` says which."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(errno.EINVAL, reason, str(path))


def reason(error: OSError) -> str:
    """Return why a file can't be read, as the end of a sentence without its full stop."""
    text = error.strerror or "no reason given"
    return text[0].lower() + text[1:]


def read_bytes(path: Path) -> bytes:
    """Return the content. Raises OSError, NotPlain for a folder, a device, a pipe or a large file.

    Opening a pipe would wait for a writer, and a device may have no end.
    """
    if str(path) == os.devnull:
        return b""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotPlain(path, "it is not a plain file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise NotPlain(path, f"it has more than {LARGEST >> 20} MiB")
    return content


def read_text(path: Path) -> str:
    """Return the content as text. Raises OSError, NotPlain also if it is not UTF-8."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotPlain(path, "it is not UTF-8 text") from None
