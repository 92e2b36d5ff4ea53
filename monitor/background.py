"""Background thread for long work: large answers are converted, rendered and judged there.

The event loop stays free. Because there is only one such thread, two such jobs never work on the
same data at the same time.
"""

import asyncio
import gc
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from alerts.history.recorder import LARGE

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="in_background")


async def in_background(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run `work` in the background thread and return its result."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREAD, _undisturbed, work, *arguments)


async def run_by_size(rows: Sized, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run `work` at once where there are few rows, in the background thread where they are many."""
    return work(*arguments) if len(rows) <= LARGE else await in_background(work, *arguments)


def _undisturbed(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run `work` without garbage collection: it makes many objects but no cycles, and each
    collection would stop the event loop for a tenth of a second."""
    gc.disable()
    try:
        return work(*arguments)
    finally:
        gc.enable()
