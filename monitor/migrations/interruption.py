"""Ctrl-C and SIGTERM: what a check has made is removed before it ends."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal has ended the work, after it has cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_status = 128 + number


async def ended_by_signals(work: Coroutine[Any, Any, Result]) -> Result:
    """Run the work; the first signal cancels it, the next ones are ignored. Raises Interrupted."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def end(number: int) -> None:
        if not received:
            task.cancel()
        received.append(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
