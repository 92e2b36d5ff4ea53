"""Index builds that were seen running: how many pages a second this server builds from."""

from dataclasses import dataclass, field
from typing import NamedTuple

from alerts.history.kind import History, HomeThread
from alerts.history.memory import Json, Memory, Namespace
from alerts.migrations.live import Observed
from collectors._base import AnyAnswer, AnyCollector
from collectors.index_builds import index_builds

ROOM = "index_paces"
KEPT = 20
"""Builds that are remembered."""
COMMAND = "CREATE INDEX"
"""Without CONCURRENTLY, which waits for others and reads twice."""
SURE = 0.25
"""Share of its length by which the end of a build may be uncertain: it ends between two looks."""
LEAST_PAGES = 500
WAITED = 0.05
"""Share of its length that a build may have waited for a session."""


class Build(NamedTuple):
    """A build as it was last seen."""

    pages: int
    read: int
    """Of these pages, those that it has read."""
    seconds: float
    at: float
    waited: float


@dataclass(frozen=True, slots=True)
class IndexPaces(History[tuple[Observed, ...]]):
    """The newest builds that were seen until shortly before their end, the oldest first."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (index_builds,)

    @property
    def home(self) -> HomeThread:
        return HomeThread.loop

    def recorder(self, memory: Memory, namespace: Namespace) -> "IndexPacesRecorder":
        return IndexPacesRecorder(memory, namespace.of(ROOM))


INDEX_PACES = IndexPaces()


@dataclass(slots=True)
class IndexPacesRecorder:
    """Follows the builds that run; one that is gone has ended between the last two looks."""

    memory: Memory
    namespace: Namespace
    running: dict[tuple[str, int], Build] = field(default_factory=dict)
    shown: tuple[Observed, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.shown = paces_of_memory(self.memory, self.namespace)

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        before = self.running
        self.running = {}
        for row in answer.rows:
            key = (row.datname, row.pid)
            pages = row.blocks or (before[key].pages if key in before else 0)
            read = row.blocks_done if row.blocks else pages  # they are counted while it reads
            waited = max(row.waiting_seconds or 0.0, before[key].waited if key in before else 0.0)
            if row.command == COMMAND and row.running_seconds is not None:
                self.running[key] = Build(pages, read, row.running_seconds, answer.at, waited)
        for key, build in before.items():
            now = self.running.get(key)
            if now is None or now.seconds < build.seconds:
                self._ended(build, answer.at)

    def restart(self) -> None:
        self.running = {}

    def view(self, at: float) -> tuple[Observed, ...]:
        return self.shown

    def _ended(self, build: Build, at: float) -> None:
        unsure = max(0.0, at - build.at) / 2
        seconds = build.seconds + unsure
        is_sure = unsure <= SURE * seconds and build.waited <= WAITED * seconds
        is_whole = build.read >= (1 - SURE) * build.pages  # else it was cancelled
        if build.pages < LEAST_PAGES or not (is_sure and is_whole):
            return
        known = self.memory.get(self.namespace, "builds")
        older = list(known) if isinstance(known, list | tuple) else []
        newest: list[Json] = [build.pages, round(seconds, 3)]
        self.memory.put(self.namespace, "builds", [*older[1 - KEPT :], newest])
        self.shown = paces_of_memory(self.memory, self.namespace)


def paces_of_memory(memory: Memory, namespace: Namespace) -> tuple[Observed, ...]:
    """Return what a room of the memory holds."""
    known = memory.get(namespace, "builds")
    found = []
    for one in known if isinstance(known, list | tuple) else ():
        if isinstance(one, list | tuple) and len(one) == 2:
            pages, seconds = one
            if isinstance(pages, int) and isinstance(seconds, int | float) and seconds > 0:
                found.append(Observed("index build", float(pages), float(seconds)))
    return tuple(found)
