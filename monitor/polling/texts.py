"""Texts of records: decoded where they arrive as bytes, or in the encoding of their database."""

import codecs
from collections.abc import Sequence
from sys import intern
from typing import Any

from alerts import raw_text
from collectors._base import AnyCollector, Scope
from collectors._sizes import SENT
from monitor.postgres.session import Session

Records = Sequence[Any]
"""Mappings: records of asyncpg, or dictionaries."""
AS_BYTES = {"UTF8", "SQL_ASCII"}
"""Encodings of databases for which texts are decoded already."""
SHORT = 200
"""Longest text of which equals are kept once."""
SHARED = {"datname"}
"""Of catalogues that all databases share: their encoding is that of some other database."""


def readable(records: Records, query: str, collector: AnyCollector, session: Session) -> Records:
    """Return the records with every text as text."""
    if SENT in query and records:
        names = list(records[0].keys())
        records = [dict(zip(names, map(_text, one.values()), strict=True)) for one in records]
    encoding = session.connection.get_settings().server_encoding
    codec = None if encoding in AS_BYTES else _codec(encoding)
    if codec is None or collector.scope is not Scope.database:
        return records
    return [{n: v if n in SHARED else _local(v, codec) for n, v in r.items()} for r in records]


def _text(value: Any) -> Any:
    if type(value) is not bytes:
        return value
    text = raw_text.decode(value)
    # Names and descriptions are the same on all servers, and in each answer.
    return intern(text) if len(text) <= SHORT else text


def _local(value: Any, codec: str) -> Any:
    if type(value) is list:
        return [_local(one, codec) for one in value]
    if type(value) is not str or value.isascii():
        return value
    return raw_text.encode(value).decode(codec, raw_text.HANDLER)


def _codec(encoding: str) -> str | None:
    """Return Python's codec for an encoding of PostgreSQL, if there is one."""
    name = encoding.lower().replace("win", "cp").replace("koi8", "koi8_")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
