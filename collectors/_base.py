"""The only vocabulary a collector needs: what it reads, how often, and the metrics it becomes."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar

Row = TypeVar("Row")


class Lane(StrEnum):
    """The only pace of a collector; how long a lane's pace is, is a setting."""

    fast = "fast"
    normal = "normal"
    table = "table"
    slow = "slow"
    daily = "daily"


class Scope(StrEnum):
    """Where a query must run: once for the whole server, or once in every database."""

    server = "server"
    database = "database"


class Role(StrEnum):
    """What a server is to its cluster."""

    primary = "primary"
    standby = "standby"


@dataclass(frozen=True, slots=True)
class Capability:
    """A right that a query needs, how to see that we have it, and the statement that gives it."""

    name: str
    probe: str
    """A boolean SQL expression that raises nothing and waits for nothing."""
    grant: str
    """The statement that gives it; `{role}` is the monitoring role, quoted."""
    buys: str
    """What can be seen with it, in a few words."""
    scope: Scope = Scope.server


@dataclass(frozen=True, slots=True)
class Histogram:
    """The value of a sample of type histogram: counts up to each bound, and the sum of all."""

    buckets: Mapping[float, int]
    count: int
    sum: float


Value = float | bool | Histogram | None
Tables = tuple[int, int] | frozenset[int]
"""Object identifiers: those from the first to the last, or just these."""
ALL = (0, 2**32 - 1)
Sample = tuple[tuple[str | None, ...], Value]


@dataclass(frozen=True, slots=True)
class Metric(Generic[Row]):
    """A family of samples made from all rows of one answer.

    A name that ends in `*` stands for a family of names: the first label value of each
    sample completes it, and is no label itself.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Sequence[Row]], Iterable[Sample]]
    additive: bool = False
    """A gauge whose values may be summed (sizes, numbers of rows); counters always may."""
    column: str | None = None
    """The attribute that is the value, where it is one: sums over many rows then make no rows."""
    adds_up: bool = False
    """The samples are what one round adds to a counter, which is kept where they are rendered."""
    legacy: bool = False
    """An old spelling, kept for rules in the wild; the setting `legacy_metrics` is about these."""
    note: str = ""
    """What is different from postgres_exporter's metric of that name; for docs/metrics.md."""
    since: int = 0
    """The first PostgreSQL (17) that tells it; 0: every one that the collector asks."""

    def also(self, name: str) -> "Metric[Row]":
        """The same under a name that it used to have."""
        return replace(self, name=name, legacy=True, note=f"Old spelling of `{self.name}`.")

    def from_version(self, major: int) -> "Metric[Row]":
        """The same, of which older versions of PostgreSQL say nothing."""
        return replace(self, since=major)


@dataclass(frozen=True, slots=True)
class Bound:
    """How many rows become series of their own; the rest are summed as `other`, per `within`."""

    rank: str
    """The attribute that decides which rows are kept, largest first."""
    top: int
    """So many on one server; what is asked per database shares them out."""
    within: str = "datname"
    whole: Mapping[str, str] = field(default_factory=dict)
    """Attributes that name a row, and which ones name the whole that it is a part of, if it is
    one: a partition has no series of its own, its numbers are summed into its parent's."""


@dataclass(frozen=True, slots=True)
class Gate(Generic[Row]):
    """Asks only while the newest rows of another collector of the same lane say that it pays."""

    reads: "Collector[Row]"
    opens: Callable[[Sequence[Row]], bool]


@dataclass(frozen=True, eq=False)
class Collector(Generic[Row]):
    """What is read from one view. Its file's name is its id; the row type says what comes back."""

    row: type[Row]
    lane: Lane
    sql: Mapping[int, str] = field(default_factory=dict)
    """From which server version on (180000) which query; empty: the daemon itself is the source."""
    scope: Scope = Scope.server
    key: tuple[str, ...] = ()
    """The attributes that tell one row from another, and that history is kept by."""
    counters: tuple[str, ...] = ()
    """Attributes that only grow, until a reset."""
    epoch: str | None = None
    """The attribute that changes when the counters start anew."""
    needs: tuple[Capability, ...] = ()
    on: Role | None = None
    """The only role of a server on which the view says anything."""
    extension: str | None = None
    """`{schema}` in the query is where it lives; without it the answer is 'not on this server'."""
    gate: Gate[Any] | None = None
    bulk: bool = False
    """There may be as many rows as a database has tables: the query is asked for one range of them
    after the other (`c.oid {asked}`), and its rows, which have a `relid`, are kept as columns."""
    bound: Bound | None = None
    metrics: tuple[Metric[Row], ...] = ()

    @property
    def name(self) -> str:
        return self.row.__module__.rpartition(".")[2]

    @property
    def since(self) -> int:
        """The first server version (180000) that it can be asked of; 0: any."""
        return min(self.sql, default=0)

    def query(self, version: int, tables: Tables = ALL) -> str | None:
        """The query for that server version, or None below the oldest it is known for."""
        known = [minimum for minimum in self.sql if minimum <= version]
        return self.sql[max(known)].replace("{asked}", _asked(tables)) if known else None

    def key_of(self, row: Row) -> tuple[Hashable, ...]:
        return tuple(getattr(row, name) for name in self.key)

    def __repr__(self) -> str:
        return f"<collector {self.name}>"


@dataclass(frozen=True, slots=True)
class Absence:
    """Why something could not be read, and the statement that would open our eyes."""

    reason: str
    grant: str | None = None
    of_all: bool = False
    """It is the same for whatever is asked of this server."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[Row]):
    """What one round of one collector brought: rows, when (unix seconds), and what is missing."""

    rows: Sequence[Row]
    at: float
    missing: Mapping[str, Absence] = field(default_factory=dict)
    """Databases that could not be asked; their last rows may still be among the rows."""


AnyMetric: TypeAlias = Metric[Any]
AnyCollector: TypeAlias = Collector[Any]
AnyAnswer: TypeAlias = Answer[Any]


def _asked(tables: Tables) -> str:
    if isinstance(tables, frozenset):
        return f"= any ('{{{','.join(map(str, sorted(tables)))}}}'::oid[])"
    low, high = tables
    return f"between '{low}'::oid and '{high}'::oid"


def gauge(
    name: str,
    help: str,
    value: Callable[[Row], Value] | str,
    labels: tuple[str, ...] = (),
    additive: bool = False,
    note: str = "",
) -> Metric[Row]:
    """One sample a row; labels are attributes of the row, and so is a value given by name."""
    samples, column = _per_row(value, labels)
    return Metric(name, "gauge", help, labels, samples, additive, column, note=note)


def counter(
    name: str,
    help: str,
    value: Callable[[Row], Value] | str,
    labels: tuple[str, ...] = (),
    note: str = "",
) -> Metric[Row]:
    """One sample a row; labels are attributes of the row, and so is a value given by name."""
    samples, column = _per_row(value, labels)
    return Metric(name, "counter", help, labels, samples, column=column, note=note)


def _per_row(
    value: Callable[[Row], Value] | str, labels: tuple[str, ...]
) -> tuple[Callable[[Sequence[Row]], Iterable[Sample]], str | None]:
    readers = [attrgetter(label) for label in labels]
    column = value if isinstance(value, str) else None
    of = attrgetter(value) if isinstance(value, str) else value
    return (lambda rows: ((tuple(r(row) for r in readers), of(row)) for row in rows)), column
