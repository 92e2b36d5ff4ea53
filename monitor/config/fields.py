"""Field types of settings, parsed from the text of flags and environment variables."""

import json
import re
from datetime import timedelta
from typing import Annotated, TypeVar

from annotated_types import Gt
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from alerts.units import Duration, Share, duration_text
from monitor.config.endpoint import Endpoint, endpoint

T = TypeVar("T")

FASTEST, SLOWEST = timedelta(milliseconds=100), timedelta(days=7)
"""Bounds of intervals: faster jobs would do nothing else, slower ones would never run."""


# An address in brackets, such as [::]:19187, is not JSON.
IPV6 = re.compile(r"\s*\[[0-9a-fA-F.%]*:[0-9a-fA-F:.%]*\]")


def listed(written: object) -> object:
    """Parse text into a list: JSON if it begins with a bracket, otherwise separated by commas."""
    if not isinstance(written, str):
        return written
    if written.lstrip().startswith(("[", "{")) and not IPV6.match(written):
        return _json(written)
    return [entry.strip() for entry in written.split(",") if entry.strip()]


def mapped(written: object) -> object:
    """Parse text as a JSON mapping; anything else is returned as it is."""
    return _json(written) if isinstance(written, str) else written


def absent(written: object) -> object:
    """Return None for an empty text or `none`: flags and variables can't express null."""
    text = written.strip().lower() if isinstance(written, str) else None
    return None if text in ("", "none") else written


def _pace(interval: timedelta) -> timedelta:
    if not FASTEST <= interval <= SLOWEST:
        raise ValueError(f"it must be from {duration_text(FASTEST)} to {duration_text(SLOWEST)}")
    return interval


def _json(written: str) -> object:
    try:
        found: object = json.loads(written)
    except json.JSONDecodeError as wrong:
        raise ValueError(f"it is not JSON: {wrong.msg} at character {wrong.pos + 1}") from None
    return found


def _endpoints(written: object) -> object:
    found = listed(str(written) if isinstance(written, int) else written)
    return tuple(map(endpoint, found)) if isinstance(found, (list, tuple)) else found


Endpoints = Annotated[tuple[Endpoint, ...], BeforeValidator(_endpoints)]
Listed = BeforeValidator(listed)
Mapped = BeforeValidator(mapped)
Lower = BeforeValidator(lambda written: written.lower() if isinstance(written, str) else written)
Patterns = Annotated[tuple[str, ...], Listed]
"""Shell patterns, such as `shop_*`."""
Optional = Annotated[T | None, BeforeValidator(absent)]
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://")]
PositiveDuration = Annotated[Duration, Gt(timedelta(0))]
Pace = Annotated[Duration, AfterValidator(_pace)]
"""Interval of a recurring job."""
PositiveShare = Annotated[Share, Gt(0)]
