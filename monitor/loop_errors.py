"""Errors that nothing but the event loop notices: logged once a minute of each kind, and counted.

Out of file descriptors, asyncio reports each connection that it can't accept, with a traceback.
"""

import asyncio
import time
from collections import Counter
from typing import Any

import structlog

log = structlog.get_logger("pgvigil")
QUIET = 60.0
"""Seconds after a log line in which errors of the same kind are only counted."""
Kind = tuple[str, str]


class LoopErrors:
    """Exception handler of an event loop."""

    def __init__(self) -> None:
        self._logged: dict[Kind, float] = {}
        self._since: Counter[Kind] = Counter()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        error = context.get("exception")
        kind = str(context.get("message")), repr(error)[:200]
        now = time.monotonic()
        if kind in self._logged and now - self._logged[kind] < QUIET:
            self._since[kind] += 1
            return
        if len(self._logged) > 100:
            self._logged.clear()
        self._logged[kind] = now
        expected = isinstance(error, OSError)
        log.error(
            "error in the event loop",
            what=kind[0],
            error=kind[1],
            repeated=self._since.pop(kind, 0),
            **({} if expected or error is None else {"exc_info": error}),
        )
