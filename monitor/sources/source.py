"""Source of rows, and all sources of one server."""

from dataclasses import dataclass, field
from typing import ClassVar

from monitor.defects import DEFECTS


class Source:
    """One source of one server."""

    __slots__ = ()
    name: ClassVar[str]
    every: ClassVar[float] = 1.0
    """Seconds between two ticks."""

    async def tick(self, now: float) -> None:
        """Supply what is new, or say what is missing; `now` is in unix seconds.

        It is awaited by the pulse of the server: it never waits for files or for the server.
        """
        raise NotImplementedError

    async def settle(self) -> None:
        """Give what a tick has begun a moment to end; a source without a thread has nothing."""

    async def close(self) -> None:
        """End what a tick has begun on a session of the server."""


@dataclass(slots=True)
class Sources:
    """Ticks each source at its pace; a defect of one is its own."""

    server: str
    sources: tuple[Source, ...]
    due: dict[str, float] = field(default_factory=dict)
    """When each is ticked next, in unix seconds."""

    async def tick(self, now: float) -> None:
        for source in self.sources:
            if now >= self.due.get(source.name, now):
                self.due[source.name] = now + source.every
                with DEFECTS.contained("source", source=source.name, server=self.server):
                    await source.tick(now)

    async def look_once(self, now: float) -> None:
        """Tick all, whatever their pace, and give them a moment."""
        self.due.clear()
        await self.tick(now)
        for source in self.sources:
            with DEFECTS.contained("source", source=source.name, server=self.server):
                await source.settle()

    async def close(self) -> None:
        """End all, as the sessions are closed."""
        for source in self.sources:
            await source.close()
