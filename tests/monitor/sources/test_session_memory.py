"""Memory of sessions: read in the background thread, for which the pulse never waits."""

import asyncio
from threading import Event
from types import SimpleNamespace
from typing import Any

from collectors._base import Answer
from collectors.activity import activity
from collectors.backend_memory import backend_memory
from monitor.background import in_background
from monitor.postgres.backend_memory import MemoryReader
from monitor.sources.session_memory import ELSEWHERE, SessionMemory


class Reader(MemoryReader):
    """Always due; finds one row."""

    def is_due(self) -> bool:
        return True

    def read(self, sessions: Any) -> Any:
        return ["a row"]


def source(process: object) -> tuple[SessionMemory, list[Any]]:
    """A source whose server is visible here, and what it supplies or lacks."""
    told: list[Any] = []
    outlet: Any = SimpleNamespace(
        answers=SimpleNamespace(newest={activity: Answer((), 0.0)}),
        supply=lambda collector, rows: told.append((collector, rows)),
        lack=lambda why, collector: told.append((collector, why)),
    )
    sessions: Any = SimpleNamespace(any=SimpleNamespace(process=process))
    return SessionMemory(outlet, sessions, Reader()), told


async def test_a_tick_does_not_wait_for_the_background_thread() -> None:
    """It may be busy with the answers of other servers for seconds."""
    busy = Event()
    other = asyncio.ensure_future(in_background(busy.wait))
    memory, told = source(process=object())
    await memory.tick(0.0)
    await memory.tick(5.0)
    assert not told
    busy.set()
    await other
    await memory.settle()
    assert told == [(backend_memory, ["a row"])]


async def test_elsewhere_there_is_nothing_to_read() -> None:
    memory, told = source(process=None)
    await memory.tick(0.0)
    await memory.settle()
    assert told == [(backend_memory, ELSEWHERE)]
