"""Text of any encoding: bytes that are not UTF-8 become characters of a private use area.

Servers hand out names and queries as the bytes that users wrote, whatever the encoding. The
characters that stand for bytes are valid in every output, lead back to the bytes, and are shown as
escapes: `caf\\xe9`.
"""

import codecs
import re
import sys
from collections.abc import Iterable, Iterator

FIRST = 0x10FE00
"""The character of byte 0; only bytes from 128 on need one."""
STANDS_FOR_BYTE = re.compile("[\U0010fe80-\U0010feff]")
# The same characters where a server wrote them as text: taken as the bytes that they consist of,
# so that two different names never become equal.
WRITTEN = re.compile(rb"(\xf4\x8f[\xba\xbb][\x80-\xbf])")
HANDLER = "pgvigil_raw"
SHORT = 128
"""Bytes up to which equal texts are kept once: settings have the same names on each of many
servers, and all rows of a table the same types. The text goes when nothing holds it any more."""
# A name with its schema, or a literal; quotes hold spaces and dots together.
WORD = re.compile(r"""(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|[^\s"'();,])+""")
CAST = re.compile(r"::[\w.]+$")
UNNAMED = (
    "-- No statement can be printed here: it would name {name}, whose bytes are not valid UTF-8."
    " Find the object by its OID, in a session with client_encoding = SQL_ASCII."
)


def decode(data: bytes) -> str:
    """Return the text of these bytes; this can't fail."""
    text = data.decode("utf-8", HANDLER)
    if text.isascii() or not WRITTEN.search(data):
        return sys.intern(text) if len(data) <= SHORT else text
    pieces = WRITTEN.split(data)
    return "".join(
        _of_bytes(piece) if place % 2 else piece.decode("utf-8", HANDLER)
        for place, piece in enumerate(pieces)
    )


def encode(text: str) -> bytes:
    """Return the bytes that the text was decoded from."""
    if text.isascii():
        return text.encode("ascii")
    pieces = re.split(f"({STANDS_FOR_BYTE.pattern})", text)
    return b"".join(
        bytes([ord(piece) - FIRST]) if place % 2 else piece.encode("utf-8", "surrogateescape")
        for place, piece in enumerate(pieces)
    )


def is_raw(text: str) -> bool:
    """Return whether some of its bytes are not UTF-8."""
    return not text.isascii() and STANDS_FOR_BYTE.search(text) is not None


def shown(text: str) -> str:
    """Write bytes that are not UTF-8 as escapes: `caf\\xe9`."""
    if text.isascii():
        return text
    return STANDS_FOR_BYTE.sub(lambda found: f"\\x{ord(found[0]) - FIRST:02x}", text)


def printable(statements: Iterable[str]) -> Iterator[str]:
    """Replace statements that name something raw by one comment: pasted, they would miss it."""
    is_told = False
    for statement in statements:
        if not is_raw(statement):
            yield statement
        elif statement.startswith("--"):
            yield shown(statement)
        elif not is_told:
            is_told = True
            yield UNNAMED.format(name=" and ".join(_raw_words(statement)))


def printable_grant(grant: str | None) -> str | None:
    """Replace a GRANT that names something raw by a comment."""
    return next(printable([grant])) if grant and is_raw(grant) else grant


def _raw_words(statement: str) -> list[str]:
    words = (CAST.sub("", word) for word in WORD.findall(statement) if is_raw(word))
    return list(dict.fromkeys(map(shown, words)))


def _of_bytes(data: bytes) -> str:
    return "".join(chr(FIRST + byte) for byte in data)


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _of_bytes(error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, _keep_bytes)
