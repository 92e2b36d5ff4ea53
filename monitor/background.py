"""Background thread for long work: large answers are converted, rendered and judged there.

The event loop stays free. Which thread may touch what:

- The **event loop** owns all that is not named here: sessions, pacing, answers, verdicts, HTTP.
- The **background thread** runs what `in_background` is given, one job after the other, so two
  jobs never overlap. There is one in the process, for all servers.
- The **writer** of the state file gets a list of changes and touches nothing else of ours.
- **Threads of pages** make what people read from an overview and its snapshots, which never
  change, and pack it. A thread of asyncio's own compares passwords with their hashes.
- A **reader of a folder** (`monitor.folder_watch`) has one thread for each visit, as a dead mount
  may hold it for ever. It keeps what it reads to itself until the visit is done; the loop takes it
  over then, and begins no other before. So the book of a log is used by one thread at a time.
  Lines of a log that come by SQL are counted in a thread of asyncio's own, and the loop asks for no
  more before they are.

What more than one thread touches:

- `alerts.history.memory.Memory`: every method takes its lock, any thread may call it. What `room`
  returned never changes. Changes that the writer could not write are given back.
- `alerts.history.samples.Samples`: the same. What it reads from the state file is read in the
  background thread, over a connection of its own that can't write.
- `alerts.snapshot.Snapshot`: never changes, its answers, histories and peers included. A judge is
  given nothing else, so it may run in either thread. Rows that were handed over as an answer are
  never changed afterwards. What `once` keeps is made of the snapshot alone: two threads may both
  make it, and either result is right. A `momentary` snapshot makes its views when they are asked
  for, so it stays in the loop; `frozen` gives one that may leave it.
- `alerts.history.recorder.Recorder`: a kind of history learns in its home thread only. The loop
  calls `record`, `restart`, `belong_to`, `view` and `views`; the background thread calls
  `catch_up` and `late_views`. `record`, `restart` and `catch_up` assert that. Views that keep what
  they have added up (`alerts.statements.history`) may do it twice, with one result.
- Judging: the loop judges what is short, and alone replaces verdicts. What is long waits in
  `Judging.waiting`, and as long as it does it is judged in the background thread only. So the cases
  of one finding of one server are changed by one thread at a time; where the loop ends them
  (another server, a restart) it replaces them and leaves the old object to a judge that still
  works on it. The background thread adds to `VerdictTracker.defects`, the loop takes from it.
- `monitor.exposition.store.Store`: every method takes its lock for what servers share. A renderer
  belongs to one collector of one server and database; its next answer is asked for only after the
  one before was published, so it works in one thread at a time.
- `monitor.defects.DEFECTS`: any thread may note one; a count may lose one of two at the same time.

All of this relies on the interpreter's lock: reading an attribute and replacing it are atomic.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, TypeVarTuple

from alerts.history.recorder import LARGE

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

SWITCH = 0.001
"""Seconds after which a thread that calculates gives the interpreter to the loop. The loop waits
for that after each answer that it sends or receives; Python's own 5 ms would add up to 50."""

_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="in_background")
_JOBS: "set[asyncio.Future[Any]]" = set()
"""Given to the background thread and not finished."""


def yield_often() -> None:
    """Set for the process how long a thread that calculates keeps the others waiting."""
    sys.setswitchinterval(SWITCH)


def is_busy() -> bool:
    """Whether the background thread works, and so keeps the loop from the interpreter."""
    return bool(_JOBS)


async def in_background(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run `work` in the background thread and return its result."""
    job = asyncio.get_running_loop().run_in_executor(_THREAD, _undisturbed, work, *arguments)
    _JOBS.add(job)
    job.add_done_callback(_JOBS.discard)
    return await job


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
