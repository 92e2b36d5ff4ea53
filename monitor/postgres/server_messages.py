"""Messages of a server: text in any encoding, and a limit on the size of each.

asyncpg waits for the whole of a message, however long it is, and fails on text that is not UTF-8.
So it gets errors, notices and parameters as UTF-8 and cut to a limit, and instead of rows beyond a
limit an error that says so.
"""

import codecs
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from alerts import raw_text
from collectors import _sizes as sizes

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEADER = 5
"""Bytes of the type and the length before each message."""
ROW, ERROR, NOTICE, PARAMETER, NOTIFICATION, READY, PARSED = b"DENSAZ1"
ENDS = {READY, PARSED}
"""What ends an answer; asyncpg waits for the end of the parsing before it goes on."""
TEXTS = {ERROR, NOTICE, PARAMETER, NOTIFICATION}
WITH_FIELDS = {ERROR, NOTICE}
FATAL = re.compile(rb"(?:\A|\0)V(?:FATAL|PANIC)\0")
TOO_LARGE = "08P01"
"""SQLSTATE of our own error: with it the session counts as lost."""
STOPPED = b"\0C57P01\0"
"""SQLSTATE of a session's end because the server is stopped."""
BY_REQUEST = b"\0RProcessInterrupts\0"
"""Routine that tells so where it was asked for; texts are translated, and a session whose
postmaster was killed ends with the same SQLSTATE."""
ENCODING = b"client_encoding\0SQL_ASCII"
CODEC = "pgvigil_raw"


class Shutdown(StrEnum):
    """Kind of shutdown, as a server tells it to its sessions."""

    orderly = "orderly"
    """A smart or fast shutdown, or the end of this session alone."""
    immediate = "immediate"
    """An immediate shutdown, from which the server has to recover."""


class TooLarge(Exception):
    """The server sends what we don't take; the message is one sentence without its full stop."""

    before: bytes = b""
    """What asyncpg may read before; it ends with a message."""


@dataclass(slots=True)
class ServerMessages:
    """Messages that a server sends on one connection."""

    rows: int = 0
    """Of the query that is being answered."""
    octets: int = 0
    """Of its rows."""
    trips: int = 0
    """How often something went there and back; a query that is prepared first does so twice."""
    farewell: bytes = b""
    """The error with which the server ended the session."""
    shutdown: Shutdown | None = None
    _passing: int = 0
    """Bytes of the message under way that are still to come, to be passed on."""
    _skipping: int = 0
    """Bytes of a text under way that are still to come, to be left out."""
    _held: bytes = b""
    """A header, or a text, that is not complete yet."""

    def taken(self, data: bytes) -> bytes:
        """Return what asyncpg may read now. Raises TooLarge."""
        data = self._held + data
        place = mark = self._left_out(0, data)
        self._passing -= (passed := min(self._passing, len(data) - place))
        place += passed
        out: list[bytes] = []
        while len(data) - place >= HEADER:
            kind, length = data[place], int.from_bytes(data[place + 1 : place + HEADER], "big")
            if kind not in TEXTS:
                try:
                    self._count(kind, length)
                except TooLarge as reason:
                    reason.before = b"".join([*out, data[mark:place]])
                    raise
                self._passing = max(0, place + 1 + length - len(data))
                place += length + 1 - self._passing
                continue
            size = min(length + 1, HEADER + sizes.MESSAGE_BYTES)
            if len(data) - place < size:
                break
            self._skipping = length + 1 - size
            body = data[place + HEADER : place + size]
            self.shutdown = _shutdown(kind, body) or self.shutdown
            out.append(data[mark:place])
            if kind != NOTIFICATION:  # of a trigger that listens; nothing of ours does
                out.append(_in_utf8(kind, body, is_cut=self._skipping > 0))
            if kind == ERROR and FATAL.search(body):
                self.farewell = body
            place = mark = self._left_out(place + size, data)
        out.append(data[mark:place])
        self._held = data[place:]
        return b"".join(out)

    def _left_out(self, place: int, data: bytes) -> int:
        """Skip the rest of a text that is cut. Returns the place after it."""
        size = min(self._skipping, len(data) - place)
        self._skipping -= size
        return place + size

    def _count(self, kind: int, length: int) -> None:
        if length < 4:
            raise TooLarge("the server does not speak PostgreSQL's protocol")
        if length > sizes.ROW_BYTES:
            what = "a row" if kind == ROW else "a message"
            raise TooLarge(
                f"{what} of {_mib(length)} is more than the limit, {_mib(sizes.ROW_BYTES)}"
            )
        if kind in ENDS:
            self.trips += 1
        if kind == READY:
            self.rows = self.octets = 0
        elif kind == ROW:
            self.rows += 1
            self.octets += length
        if self.octets > sizes.ANSWER_BYTES:
            raise TooLarge(f"the answer is longer than the limit, {_mib(sizes.ANSWER_BYTES)}")
        if self.rows > sizes.ANSWER_ROWS:
            raise TooLarge(f"the answer has more rows than the limit, {sizes.ANSWER_ROWS:,}")


def error(reason: str) -> bytes:
    """Make an error and the end of the query, as if the server had sent them."""
    fields = b"SFATAL\0VFATAL\0C" + TOO_LARGE.encode() + b"\0M" + reason.encode() + b"\0\0"
    return _message(ERROR, fields) + _message(READY, b"I")


def fields_of(body: bytes) -> dict[str, str]:
    """Return the fields of an error by their letters."""
    parts = (raw_text.decode(part) for part in body.split(b"\0") if part)
    return {part[0]: part[1:] for part in parts}


def _shutdown(kind: int, body: bytes) -> Shutdown | None:
    if STOPPED not in body:
        return None
    if kind == NOTICE:  # an immediate shutdown only warns; then the process ends
        return Shutdown.immediate
    return Shutdown.orderly if kind == ERROR and BY_REQUEST in body else None


def _in_utf8(kind: int, body: bytes, *, is_cut: bool) -> bytes:
    """Write the body so that asyncpg can read it, also one that is cut within a field."""
    if is_cut:
        body = body.rstrip(b"\0") + (b"\0\0" if kind in WITH_FIELDS else b"\0")
    if kind == PARAMETER:
        body = body.replace(ENCODING, b"client_encoding\0" + CODEC.encode())
    if not body.isascii():
        body = raw_text.decode(body).encode("utf-8")
    return _message(kind, body)


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + (len(body) + 4).to_bytes(4, "big") + body


def _mib(octets: int) -> str:
    return f"{octets / (1 << 20):.0f} MiB"


def _decode(data: "Buffer", errors: str = "strict", /) -> tuple[str, int]:
    octets = bytes(data)
    return raw_text.decode(octets), len(octets)


def _encode(text: str, errors: str = "strict", /) -> tuple[bytes, int]:
    return raw_text.encode(text), len(text)


def _codec(name: str) -> codecs.CodecInfo | None:
    return codecs.CodecInfo(_encode, _decode, name=CODEC) if name == CODEC else None


codecs.register(_codec)
