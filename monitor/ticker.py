"""Ticker: runs jobs that recur each second or more often, which costs a scheduler too much.

By the monotonic clock, so it does not matter what happens to the wall clock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Job = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Ticker:
    """Recurring jobs by name; one never overlaps itself, and times that it missed are left out."""

    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    leaving: set["asyncio.Task[None]"] = field(default_factory=set)
    """Tasks whose job still runs for a last time."""

    def every(self, name: str, seconds: float, job: Job, delay: float) -> None:
        """Run a job, which never fails, after `delay` seconds, then every `seconds`."""
        self.forget(name)
        self.tasks[name] = asyncio.create_task(self._tick(name, seconds, job, delay), name=name)

    def forget(self, name: str) -> None:
        """Don't run it again; where it runs now, it ends by itself."""
        task = self.tasks.pop(name, None)
        if task:
            self.leaving.add(task)
            task.add_done_callback(self.leaving.discard)

    def stop(self) -> None:
        """Cancel all jobs, also those that run."""
        for task in (*self.tasks.values(), *self.leaving):
            task.cancel()
        self.tasks.clear()

    async def _tick(self, name: str, seconds: float, job: Job, delay: float) -> None:
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        due = loop.time() + delay
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            if self.tasks.get(name) is not own:
                return
            await job()
            missed = max(0.0, loop.time() - due) // seconds
            due += (missed + 1) * seconds
