"""All that a judge may look at: the newest rows, their change, and how long they kept still."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from alerts.history.counters import Delta
from alerts.history.recorder import Crossed, Disappeared, Recorder, UnchangedFor
from alerts.locks.order import LockStore
from collectors._base import Absence, Answer, AnyAnswer, AnyCollector, Collector, Role
from collectors.locks import locks

Row = TypeVar("Row")
Key = tuple[Hashable, ...]


class Unknown(Exception):
    """What a judge needs is not there; carries the reason, and the grant that would cure it."""

    def __init__(self, reason: str, grant: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.grant = grant


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which server this is. `None` is not known (yet)."""

    server: str
    role: Role | None = None
    version: int | None = None
    """As server_version_num: 180004."""
    system_identifier: str | None = None
    cluster: str | None = None
    """Servers with the same cluster are peers."""


NOT_YET = Absence("not queried yet")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest answers of one server, at one time (unix seconds)."""

    node: ServerIdentity
    at: float
    answers: Mapping[AnyCollector, AnyAnswer] = field(default_factory=dict)
    absent: Mapping[AnyCollector, Absence] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)
    peers: tuple["Snapshot", ...] = ()
    """The other watched servers of the cluster, each with its own `at`."""

    def rows(self, collector: Collector[Row]) -> Sequence[Row]:
        """The newest rows. Raises Unknown where there are none that can be trusted."""
        return self.answer(collector).rows

    def row(self, collector: Collector[Row]) -> Row:
        """The only row of a collector that always has one."""
        rows = self.rows(collector)
        if len(rows) != 1:
            raise Unknown(f"{collector.name} brought {len(rows)} rows instead of one")
        return rows[0]

    def answer(self, collector: Collector[Row]) -> Answer[Row]:
        found = self.answers.get(collector)
        if found is None:
            why = self.absent.get(collector, NOT_YET)
            where = "" if why.of_all else f"{collector.name}: "
            raise Unknown(f"{where}{why.reason}", why.grant)
        return found

    def has(self, collector: AnyCollector) -> bool:
        return collector in self.answers

    def delta(self, collector: AnyCollector, window: timedelta) -> Mapping[Key, Delta]:
        """Per key, how much each counter grew within the window, and whether it was full."""
        self.answer(collector)
        return self.recorder.delta(collector, window, self.at)

    def step(self, collector: AnyCollector) -> Mapping[Key, Delta]:
        """Per key, how much each counter grew between the last two answers."""
        self.answer(collector)
        return self.recorder.step(collector)

    def quiet(self, collector: AnyCollector, column: str) -> Mapping[Key, UnchangedFor]:
        """Per key, how long that counter had not moved when it was last looked at."""
        return self.recorder.quiet(collector, column, self.answer(collector).at)

    def passed(self, collector: AnyCollector, column: str, value: float) -> Crossed | None:
        """How long ago that growing number first was above a value; None if it is not above."""
        self.answer(collector)
        return self.recorder.passed(collector, column, value, self.at)

    def gone(self, collector: AnyCollector, column: str) -> Mapping[str, Disappeared]:
        """Those who were among the rows once and are not in the newest, by that column's text."""
        return self.recorder.gone(collector, column, self.answer(collector).at, self.at)

    def lock_store(self) -> LockStore:
        """What was learned from all looks at the locks. Raises Unknown where there was none."""
        self.answer(locks)
        return self.recorder.lock_store
