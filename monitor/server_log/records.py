"""Records of a log in jsonlog or csvlog, out of lines that may be cut, mixed up or hostile."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

LONGEST = 64 * 1024
"""Bytes of one record; what is longer is dropped."""
SQLSTATE = re.compile(r"[0-9A-Z]{5}")
TIME = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) (?:(?:UTC|GMT)|([+-]\d\d):?(\d\d)?)"
)
"""When it was written. Other names of zones, such as CST, stand for several."""
BEGINS = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
"""How each record of a csvlog begins: after garbage, reading goes on there."""
LOST = 4 << 20
"""Bytes without the end of a record after which the next line that looks like one is believed."""
NAME = 63
"""Bytes that a name of a database or role can have."""


@dataclass(frozen=True, slots=True)
class Record:
    """Used fields of one record. Message, detail and context are looked at and dropped."""

    sqlstate: str
    user: str | None
    database: str | None
    pid: int | None
    backend_type: str | None
    message: str
    detail: str
    query_id: int | None = None
    """None where the server computes none."""
    at: float | None = None
    """Unix seconds; None where the record does not tell the offset of its time zone."""


@dataclass(slots=True)
class Parser:
    """Makes records of lines; a record of csvlog may have several."""

    make: Callable[[bytes], Record | None]
    has_long_records: bool
    """Whether a record may go over several lines, as in csvlog."""
    dropped: int = 0
    _open: bytearray = field(default_factory=bytearray)
    _lost: int = 0
    """Bytes of a record that is too long, up to now. What follows it is not read as records
    before its last quote: a statement could forge them."""

    @classmethod
    def of(cls, kind: str) -> "Parser":
        return cls(of_csv, True) if kind == "csv" else cls(of_json, False)

    def records(self, lines: Iterator[bytes]) -> Iterator[Record]:
        """Yield the records; what is none is counted."""
        for line in lines:
            whole = self._whole(line)
            if whole is None:
                continue
            record = self.make(whole) if len(whole) <= LONGEST else None
            if record is None:
                self.dropped += 1
            else:
                yield record

    def begin_anew(self) -> None:
        """Drop a record that was never finished."""
        self.dropped += bool(self._open or self._lost)
        self._open.clear()
        self._lost = 0

    def _whole(self, line: bytes) -> bytes | None:
        """Return a whole record; None where its end is still to come."""
        if not self.has_long_records:
            return line
        if self._lost > LOST and BEGINS.match(line):
            self.begin_anew()
        if self._lost:
            self._lost += len(line)
            if line.count(b'"') % 2:
                self.begin_anew()
            return None
        self._open += line
        if not self._open.count(b'"') % 2:
            whole = bytes(self._open)
            self._open.clear()
            return whole
        if len(self._open) > LONGEST:
            self._lost = len(self._open)
            self._open.clear()
        return None


def of_json(line: bytes) -> Record | None:
    """Return a record of jsonlog; None where it is none."""
    try:
        # A server writes texts as they are, in the encoding of the session's database.
        told = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return _record(told) if isinstance(told, dict) else None


COLUMNS = {
    # By the names that jsonlog has for them.
    "timestamp": 0,
    "user": 1,
    "dbname": 2,
    "pid": 3,
    "state_code": 12,
    "message": 13,
    "detail": 14,
    "backend_type": 23,
    "query_id": 25,
}
LEAST = 23
"""Columns of a record; 13 and later have at least 24."""


def of_csv(record: bytes) -> Record | None:
    """Return a record of csvlog; None where it is none."""
    text = record.decode("utf-8", "replace").replace("\0", "")
    try:
        [cells] = csv.reader([text.rstrip("\r\n").replace("\n", " ")], strict=True)
    except (csv.Error, ValueError):
        return None
    if len(cells) < LEAST or not BEGINS.match(record):
        return None
    told = {name: cells[place] for name, place in COLUMNS.items() if place < len(cells)}
    return _record(told)


def _record(told: Mapping[str, object]) -> Record | None:
    """Return what is used of the fields, by their names in jsonlog; None of what is no record."""
    sqlstate = told.get("state_code", "00000")
    if not isinstance(sqlstate, str) or not SQLSTATE.fullmatch(sqlstate):
        return None
    return Record(
        sqlstate=sqlstate,
        user=_name(told.get("user")),
        database=_name(told.get("dbname")),
        pid=_whole(told.get("pid")),
        backend_type=_name(told.get("backend_type")),
        message=_text(told.get("message")),
        detail=_text(told.get("detail")),
        query_id=query_id_of(told.get("query_id")),
        at=_time(told.get("timestamp")),
    )


def _text(told: object) -> str:
    return told if isinstance(told, str) else ""


def _name(told: object) -> str | None:
    """Return a name without what a terminal would not show; None where there is none."""
    if not isinstance(told, str) or not told:
        return None
    return "".join(c for c in told[: 2 * NAME] if c.isprintable())[:NAME] or None


def _whole(told: object) -> int | None:
    if isinstance(told, bool):
        return None
    if isinstance(told, int):
        return told if 0 < told < 2**31 else None
    is_number = isinstance(told, str) and told.isdecimal() and len(told) < 10
    return int(str(told)) if is_number else None


def _time(told: object) -> float | None:
    found = TIME.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        return None
    text, hours, minutes = found.groups()
    try:
        return datetime.fromisoformat(f"{text}{hours or '+00'}:{minutes or '00'}").timestamp()
    except ValueError:
        return None


def query_id_of(told: object) -> int | None:
    """Return a number of 64 bits with its sign; 0 means that there is none."""
    if isinstance(told, bool):
        return None
    if isinstance(told, str) and re.fullmatch(r"-?[0-9]{1,20}", told):
        told = int(told)
    return told if isinstance(told, int) and told != 0 and -(2**63) <= told < 2**63 else None
