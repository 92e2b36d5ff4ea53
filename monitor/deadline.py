"""Deadline of an answer: a late event loop does not mistake its own lateness for silence."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")
WAIT = 0.05
"""Seconds of each further wait after the deadline."""
PROMPT = 0.1
"""A further wait that took less than this many seconds shows that the loop is on time."""
WAITS = 20
"""Number of further waits at most: a second where the loop is on time, and more where it is not."""


async def within(
    seconds: float, awaitable: Awaitable[T], discard: Callable[[T], None] = lambda _: None
) -> T:
    """Return its result. Raises TimeoutError if there is none within these seconds.

    A result that comes when its caller is cancelled is given to `discard`.

    The deadline may have passed while the process was not running, and the answer may have come in
    that time. So it counts as passed only after the loop has had a prompt turn.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait((task,), timeout=seconds)
        for _ in range(WAITS):
            if task.done():
                break
            begun = monotonic()
            await asyncio.wait((task,), timeout=WAIT)
            if monotonic() - begun < PROMPT:
                break
    except asyncio.CancelledError:
        await _cancel(task)
        if not task.cancelled() and task.exception() is None:
            discard(task.result())
        raise
    if not task.done():
        await _cancel(task)
        if task.cancelled() or task.exception():
            raise TimeoutError
    return task.result()


async def _cancel(task: "asyncio.Future[Any]") -> None:
    """Cancel it and let it clean up."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
