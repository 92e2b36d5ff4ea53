"""Lines of a log, out of parts of a file that end anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 64 * 1024
"""Bytes of a line; a longer one is dropped."""


@dataclass(slots=True)
class Lines:
    """Makes lines of parts, and counts what is dropped."""

    dropped: int = 0
    """Lines that were too long."""
    _is_inside: bool = False
    """Whether the next bytes are the rest of a line that is too long."""
    _quotes: int = 0
    """Quotes in it."""

    def begin_anew(self) -> None:
        """What follows is the beginning of a line."""
        self._is_inside, self._quotes = False, 0

    def begin_inside(self) -> None:
        """What follows is the rest of a line, which is dropped."""
        self._is_inside = True

    def used(self, part: bytes) -> int:
        """Return how many of these bytes can be taken: up to the end of the last whole line.

        It is all of them where a line is too long.
        """
        whole = part.rfind(b"\n") + 1
        return len(part) if not whole and len(part) >= LONGEST else whole

    def of(self, part: bytes, kind: str) -> Iterator[bytes]:
        """Yield the lines of that many bytes, with their ends."""
        whole = part.rfind(b"\n") + 1
        for line in part[:whole].split(b"\n")[:-1]:
            yield from self._checked(line, kind)
        if rest := part[whole:]:
            self.dropped += not self._is_inside
            self._is_inside = True
            self._quotes += rest.count(b'"')

    def _checked(self, line: bytes, kind: str) -> Iterator[bytes]:
        """Yield a line; of one that is too long only a quote, if a quoted text begins or ends."""
        is_long = len(line) > LONGEST
        if not self._is_inside and not is_long:
            yield line + b"\n"
            return
        self.dropped += not self._is_inside
        quotes = self._quotes + line.count(b'"')
        self.begin_anew()
        if kind == "csv" and quotes % 2:
            yield b'"\n'
