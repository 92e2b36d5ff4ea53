"""One thread for what takes long: large answers are packed, rendered and judged there.

The event loop goes on meanwhile, and as there is only one such thread, whatever large answers
leave behind in memory is touched by nobody else at the same time.
"""

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="in_background")


async def in_background(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """What that brings, once it is its turn."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREAD, _undisturbed, work, *arguments)


def _undisturbed(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Many objects come and go at once, none of them in cycles; looking for cycles among them
    would stop the event loop for a tenth of a second each time."""
    gc.disable()
    try:
        return work(*arguments)
    finally:
        gc.enable()
