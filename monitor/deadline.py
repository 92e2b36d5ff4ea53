"""Deadline of an answer: a late event loop does not mistake its own lateness for silence."""

import asyncio
from collections.abc import Awaitable, Callable
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
        if not task.done():
            if cancelled := await _cancel(task):
                raise cancelled
            if task.cancelled() or task.exception():
                raise TimeoutError
    except asyncio.CancelledError:
        await _cancel(task)
        if not task.cancelled() and task.exception() is None:
            discard(task.result())
        raise
    return task.result()


async def _cancel(task: "asyncio.Future[Any]") -> asyncio.CancelledError | None:
    """Cancel it and let it clean up. Returns what cancelled the caller in that time, if anything:
    to wait for the task itself would hide that."""
    task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
            task.cancel()
    return cancelled
