"""Answer of the console: rows of a simple query, as text by the name of their column."""

from collections.abc import Iterator

from alerts import raw_text

HEADER = 5
"""Bytes of the type and the length before each message."""
COLUMNS, ROW = b"TD"
AFTER_NAME = 18
"""Bytes of a column's description after its name."""
Record = dict[str, str | None]


def records(messages: bytes) -> list[Record]:
    """Return the rows in the messages of one answer."""
    names: list[str] = []
    found: list[Record] = []
    for kind, body in _messages(messages):
        if kind == COLUMNS:
            names = list(_names(body))
        elif kind == ROW:
            found.append(dict(zip(names, _values(body), strict=True)))
    return found


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while len(data) - place >= HEADER:
        end = place + 1 + int.from_bytes(data[place + 1 : place + HEADER], "big")
        yield data[place], data[place + HEADER : end]
        place = end


def _names(body: bytes) -> Iterator[str]:
    place = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        end = body.index(b"\0", place)
        yield raw_text.decode(body[place:end])
        place = end + 1 + AFTER_NAME


def _values(body: bytes) -> Iterator[str | None]:
    place = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        size = int.from_bytes(body[place : place + 4], "big", signed=True)
        place += 4
        if size < 0:
            yield None
        else:
            yield raw_text.decode(body[place : place + size])
            place += size
