"""Snapshot: the immutable input of judges, with the newest rows and history."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from alerts.history.kind import AnyHistory, Broken, History, View
from collectors._base import Absence, Answer, AnyAnswer, AnyCollector, Collector, Kind, Role

Row = TypeVar("Row")
Made = TypeVar("Made")


class Unknown(Exception):
    """Input of a judge is missing; has the reason, and the grant that would provide it.

    Where it is merely not configured, it carries the setting instead.
    """

    def __init__(self, reason: str, grant: str | None = None, setting: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.grant = grant
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Target:
    """Target of judging. Its name is unique, and the label `server` of all that is said of it."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Identity of a server. None: unknown (yet)."""

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
    histories: Mapping[AnyHistory, Any] = field(default_factory=dict)
    """Of each kind of history that some finding declares, a view of what was learned so far."""
    peers: tuple["Snapshot", ...] = ()
    """The other watched servers of the cluster, each with its own `at`."""
    _made: dict[Callable[["Snapshot"], Any], Any] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def rows(self, collector: Collector[Row]) -> Sequence[Row]:
        """Return the newest rows. Raises Unknown if there are none, or they are too old."""
        return self.answer(collector).rows

    def row(self, collector: Collector[Row]) -> Row:
        """Return the row of a collector with exactly one row."""
        rows = self.rows(collector)
        if len(rows) != 1:
            raise Unknown(f"{collector.name} brought {len(rows)} rows instead of one")
        return rows[0]

    def answer(self, collector: Collector[Row]) -> Answer[Row]:
        found = self.answers.get(collector)
        if found is None:
            why = self.absent.get(collector, NOT_YET)
            where = "" if why.of_all else f"{collector.name}: "
            raise Unknown(f"{where}{why.reason}", why.grant, why.setting)
        return found

    def has(self, collector: AnyCollector) -> bool:
        return collector in self.answers

    def of(self, kind: History[View]) -> View:
        """Return what was learned of a kind of history that the finding declares, frozen.

        Raises Unknown where its collector has no answer.
        """
        self.answer(kind.collectors[0])
        view: View | Broken = self.histories[kind]
        if isinstance(view, Broken):
            raise Unknown(view.reason)
        return view

    def once(self, make: Callable[["Snapshot"], Made]) -> Made:
        """Return what several judges make of this snapshot, made for the first of them."""
        if make not in self._made:
            self._made[make] = make(self)
        made: Made = self._made[make]
        return made

    def frozen(self, kinds: Iterable[AnyHistory]) -> "Snapshot":
        """Return the same with the views of these kinds of history made, and no others."""
        return replace(self, histories={kind: self.histories[kind] for kind in kinds})

    def with_histories(self, views: Mapping[AnyHistory, Any]) -> "Snapshot":
        """Return the same answers, with newer views of some kinds of history."""
        return replace(self, histories={**self.histories, **views})
