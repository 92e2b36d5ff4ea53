"""Durations, bytes, shares and names: parsing of settings, and formatting for reading."""

import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, get_args


class Unit(StrEnum):
    """Unit of a number in a setting, as part of its annotation."""

    duration = "duration"
    bytes = "bytes"
    share = "share"


DURATIONS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}
ALSO = {"w": "week", "day": "d", "hour": "h", "min": "m", "minute": "m", "sec": "s", "second": "s"}
LENGTHS = DURATIONS | {"week": timedelta(weeks=1)}
LENGTHS |= {name: LENGTHS[same] for name, same in ALSO.items()}
LATEST = 253402300799.0
"""Unix seconds of the last second of the year 9999."""
NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?", re.IGNORECASE)
DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*")
ISO = re.compile(r"P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?")

# As in PostgreSQL's settings, 1 MB is 1,048,576 bytes, so MB and MiB are the same.
BYTE_NAMES = ("B", "kB", "MB", "GB", "TB", "PB")
BYTES_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kmgtp])i?)?b?", re.IGNORECASE)


def parse_duration(written: object) -> timedelta:
    """Parse 250ms, 5m, 1h30m, 35d, ISO 8601, or a number of seconds. Raises ValueError."""
    found = None
    with suppress(OverflowError):
        found = written if isinstance(written, timedelta) else _duration(written)
    if found is None or found < timedelta(0):
        raise ValueError(f"{written!r} is not a duration such as 250ms, 15s, 5m, 1h30m or 35d")
    return found


def parse_bytes(written: object) -> int:
    """Parse 10MB, 1GiB, 10 GB or a number of bytes. Raises ValueError."""
    match = BYTES_WRITTEN.fullmatch(str(written).strip())
    if match is None or isinstance(written, bool):
        raise ValueError(f"{written!r} is not a number of bytes such as 512kB, 10MB or 1GB")
    power = " kmgtp".index((match[2] or " ").lower())
    return round(float(match[1]) * 1024**power) if "." in match[1] else int(match[1]) << 10 * power


def parse_share(written: object) -> float:
    """Parse 75% or 0.75 as a number from 0 to 1. Raises ValueError."""
    text = str(written).strip()
    number = None if isinstance(written, bool) else _number(text.removesuffix("%"))
    share = number / 100 if number is not None and text.endswith("%") else number
    if share is None or not 0 <= share <= 1:
        raise ValueError(f"{written!r} is not a share such as 75% or 0.75")
    return share


def parse_names(written: object) -> tuple[str, ...]:
    """Parse names as JSON if they begin with a bracket, otherwise separated by commas. Raises
    ValueError."""
    if isinstance(written, str):
        is_json = written.lstrip().startswith("[")
        written = json.loads(written) if is_json else [n.strip() for n in written.split(",")]
    if not isinstance(written, list | tuple) or not all(isinstance(n, str) for n in written):
        raise ValueError(f"{written!r} is not a list of names such as db2, db3")
    return tuple(name for name in written if name)


@dataclass(frozen=True, slots=True)
class Parsed:
    """Parser of a setting's text, in its annotation; pydantic is loaded where settings are read."""

    parse: Callable[[object], object]

    def __get_pydantic_core_schema__(self, source: object, handler: Callable[..., Any]) -> Any:
        from pydantic_core.core_schema import no_info_before_validator_function

        return no_info_before_validator_function(self.parse, handler(source))


Duration = Annotated[timedelta, Parsed(parse_duration), Unit.duration]
Bytes = Annotated[int, Parsed(parse_bytes), Unit.bytes]
Share = Annotated[float, Parsed(parse_share), Unit.share]
Names = Annotated[tuple[str, ...], Parsed(parse_names)]


def unit_of(annotation: object) -> Unit | None:
    """Return the unit in an annotation such as Bytes, or `Bytes | None`."""
    found = (part if isinstance(part, Unit) else unit_of(part) for part in get_args(annotation))
    return next((unit for unit in found if unit), None)


def duration_text(duration: timedelta | float) -> str:
    """Format a duration for reading: 250 ms, 12 s, 2 h 3 min, 35 days. A number is seconds."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 0:
        return f"-{duration_text(-seconds)}"
    if 0 < round(seconds, 3) < 1:
        return f"{round(seconds * 1000)} ms"
    if round(seconds, 1) < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return _largest_two(seconds)


def bytes_text(count: float) -> str:
    """Format bytes for reading: 512 B, 1.2 GiB."""
    power = min(int(math.log(max(abs(count), 1), 1024)), 5)
    if power < 5 and round(abs(count) / 1024**power, 1) >= 1024:
        power += 1
    return f"{count / 1024**power:.1f}".removesuffix(".0") + " " + _binary_name(power)


def number_text(value: float, digits: int = 3) -> str:
    """Return a number with that many digits that count, and never an exponent: 0.12, 1,070."""
    if 0 < value < 0.001:
        return "< 0.001"
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{value:.{digits}g}"


def share_text(share: float) -> str:
    """Format a share for reading: 75 %, 12.5 %, 0.04 %. Only what is whole is 100 %."""
    text = number_text(100 * share)
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if share < 1 and text == "100":
        return "> 99.99 %" if share > 0.9999 else f"{math.floor(10_000 * share) / 100:g} %"
    return f"{text} %"


def moment_of(at: float) -> datetime:
    """Convert unix seconds to a time in UTC; what no calendar has becomes its first or last day.

    A wrong clock or an edited state file must not keep a verdict from being shown.
    """
    return datetime.fromtimestamp(min(max(at, 0.0), LATEST), UTC)


def moment_text(at: float) -> str:
    """Format unix seconds for reading: 2026-03-01 14:05 UTC."""
    return moment_of(at).strftime("%Y-%m-%d %H:%M UTC")


def limit_text(value: Any, unit: Unit | None = None) -> str:
    """Format a setting: the shortest text that is parsed to exactly this value (5m, 10MB, 75%)."""
    if isinstance(value, timedelta):
        return _written_duration(value)
    if value is None or value == ():
        return "none"
    if unit is Unit.bytes:
        power = next(p for p in (5, 4, 3, 2, 1, 0) if value % 1024**p == 0 and (value or not p))
        return f"{value // 1024**power}{BYTE_NAMES[power]}"
    if unit is Unit.share:
        percent = f"{100 * value:.15g}%"
        return percent if parse_share(percent) == value else repr(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(written: object) -> float | None:
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        return float(written) if math.isfinite(written) else None
    plain = isinstance(written, str) and NUMBER.fullmatch(written.strip())
    return float(plain[0]) if plain else None


def _duration(written: object) -> timedelta | None:
    seconds = _number(written)
    if seconds is not None:
        return timedelta(seconds=seconds)
    text = written.strip() if isinstance(written, str) else ""
    if iso := ISO.fullmatch(text):
        parts = [part for part in zip(iso.groups(), "dhms", strict=True) if part[0]]
    else:
        parts = [] if DURATION_PART.sub("", text) else DURATION_PART.findall(text)
    lengths = [
        float(number) * length
        for number, name in parts
        if (length := LENGTHS.get(name) or LENGTHS.get(name.removesuffix("s")))
    ]
    return sum(lengths, timedelta(0)) if parts and len(lengths) == len(parts) else None


def _largest_two(seconds: float) -> str:
    grain = 1 if seconds < 3600 else 60 if seconds < 86400 else 3600
    left = round(seconds / grain) * grain
    texts = []
    for name, length in (("day", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            texts.append(f"{count} {name}" + ("s" if name == "day" and count > 1 else ""))
    return " ".join(texts[:2])


def _binary_name(power: int) -> str:
    return "B" if power == 0 else " KMGTP"[power] + "iB"


def _written_duration(duration: timedelta) -> str:
    texts = []
    for name, length in DURATIONS.items():
        count, duration = divmod(duration, length)
        if count:
            texts.append(f"{count}{name}")
    return "".join(texts) or "0s"
