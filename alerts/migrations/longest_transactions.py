"""Longest transaction of each database by hour of the week: how long DDL may wait for its lock."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.history.kind import History, HomeThread
from alerts.history.memory import Json, Memory, Namespace
from alerts.migrations.hours import Hours
from alerts.plans.week import hour_of
from collectors._base import AnyAnswer, AnyCollector
from collectors.activity import activity

ROOM = "longest_transactions"
DATABASES = 50
"""Databases that are remembered."""


@dataclass(frozen=True, slots=True)
class LongestTransactions(History[Mapping[str, Hours]]):
    """By database; the transactions of clients, as long as they were seen open."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (activity,)

    @property
    def home(self) -> HomeThread:
        """The event loop, which looks at the sessions each second."""
        return HomeThread.loop

    def recorder(self, memory: Memory, namespace: Namespace) -> "LongestTransactionsRecorder":
        return LongestTransactionsRecorder(memory, namespace.of(ROOM))


LONGEST_TRANSACTIONS = LongestTransactions()


@dataclass(slots=True)
class LongestTransactionsRecorder:
    """Keeps the longest of the hour that runs, and writes it down when the hour is over."""

    memory: Memory
    namespace: Namespace
    hour: int | None = None
    seen: dict[str, float] = field(default_factory=dict)
    shown: Mapping[str, Hours] = field(init=False)

    def __post_init__(self) -> None:
        self.shown = of_memory(self.memory, self.namespace)

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        hour = hour_of(answer.at)
        if self.hour is not None and hour != self.hour:
            self._write(self.hour)
            self.seen = {}
        self.hour, seen = hour, self.seen
        for row in answer.rows:
            if row.datname is None or row.is_self or row.backend_type != "client backend":
                continue
            if (row.xact_seconds or 0.0) >= seen.get(row.datname, 0.0):
                seen[row.datname] = row.xact_seconds or 0.0

    def restart(self) -> None:
        """Another process of the server goes on with the same hour."""

    def view(self, at: float) -> Mapping[str, Hours]:
        return self.shown

    def _write(self, hour: int) -> None:
        known = self.memory.room(self.namespace)
        found: dict[str, Json] = {}
        # A database without a session had no transaction: it is known to be quiet.
        for name in (*self.seen, *(name for name in known if name not in self.seen)):
            hours = Hours.unpack(known.get(name)) or Hours()
            if name in known or len(known) + len(found) < DATABASES:
                hours.note_largest(hour, self.seen.get(name, 0.0))
                found[name] = hours.pack()
        self.memory.update(self.namespace, found)
        self.shown = of_memory(self.memory, self.namespace)


def of_memory(memory: Memory, namespace: Namespace) -> dict[str, Hours]:
    """Return what a room of the memory holds."""
    found = {key: Hours.unpack(value) for key, value in memory.items(namespace)}
    return {key: hours for key, hours in found.items() if hours}
