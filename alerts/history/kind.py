"""Kind of history: declared by findings, and the object that learns it from answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from alerts.history.memory import Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector

View = TypeVar("View")
View_co = TypeVar("View_co", covariant=True)


class HomeThread(Enum):
    """The only thread in which a history learns."""

    loop = "the event loop"
    background = "the background thread"


@dataclass(frozen=True, slots=True)
class Broken:
    """View of a kind of history that met a defect: nothing, and the reason."""

    reason: str


class HistoryRecorder(Protocol[View_co]):
    """One kind of history of one server."""

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        """Take note of an answer; in the home thread."""
        ...

    def restart(self) -> None:
        """Begin anew, for another server answers from now on; in the home thread."""
        ...

    def view(self, at: float) -> View_co:
        """Return what was learned so far, frozen, as of a time in unix seconds.

        That costs nothing where nothing was learned since. A history whose home is the
        background thread is viewed from both threads: it replaces what it knows and never
        changes it in place.
        """
        ...


class History(ABC, Generic[View_co]):
    """A kind of history, with its parameters; frozen, hashable and compared by value."""

    __slots__ = ()

    @property
    @abstractmethod
    def collectors(self) -> tuple[AnyCollector, ...]:
        """Those whose answers it learns from. Without an answer of the first it is unknown."""

    @property
    def home(self) -> HomeThread:
        """The loop for short answers, the background thread for those of database size."""
        return HomeThread.background if self.collectors[0].bulk else HomeThread.loop

    def covers(self, other: "History[Any]") -> bool:
        """Whether what this one learns serves the other as well."""
        return self == other

    @abstractmethod
    def recorder(self, memory: Memory, namespace: Namespace) -> HistoryRecorder[View_co]:
        """Return a new object that learns it, with what memory holds in that namespace."""


class SingleHistory(History[View_co]):
    """A kind without parameters: all objects of the class are equal.

    As dataclasses without fields, all such classes would share one hash.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


AnyHistory = History[Any]
