"""Base types of collectors: query, row type, schedule and metrics."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar

Row = TypeVar("Row")


class Lane(StrEnum):
    """The schedule of a collector; a setting gives the interval of each lane."""

    fast = "fast"
    normal = "normal"
    table = "table"
    slow = "slow"
    daily = "daily"


class Scope(StrEnum):
    """Scope of a query: once for the server, or once in every database."""

    server = "server"
    database = "database"


class Kind(StrEnum):
    """Kind of a target: collectors read, and findings judge, targets of one kind."""

    postgres = "postgres"
    pgbouncer = "pgbouncer"
    cluster = "cluster"
    daemon = "daemon"
    """The daemon itself: judged once, however many servers it watches."""


class Role(StrEnum):
    """Role of a server in its cluster."""

    primary = "primary"
    standby = "standby"


@dataclass(frozen=True, slots=True)
class Capability:
    """A privilege that a query needs, how to check it, and the statement that grants it."""

    name: str
    probe: str
    """A boolean SQL expression that raises no error and waits for no lock."""
    grant: str
    """The statement that grants it; `{role}` is the monitoring role, quoted."""
    buys: str
    """What the privilege makes visible, in a few words."""
    scope: Scope = Scope.server
    is_public: bool = False
    """Whether PUBLIC has it by default: `setup-sql` does not grant it."""
    is_optional: bool = False
    """Whether only the findings that need it, and `doctor`, tell that it is missing."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Value of a histogram: cumulative counts by upper bound, and the sum of all values."""

    buckets: Mapping[float, int]
    count: int
    sum: float


Value = float | bool | Histogram | None
Tables = tuple[int, int] | frozenset[int]
"""OIDs: a range (first and last, both included), or a set."""
ALL = (0, 2**32 - 1)
Sample = tuple[tuple[str | None, ...], Value]


@dataclass(frozen=True, slots=True)
class Metric(Generic[Row]):
    """A metric family, made from all rows of one answer.

    A name that ends in `*` stands for many names: the first label value of each sample completes
    the name, and is not a label.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Sequence[Row]], Iterable[Sample]]
    additive: bool = False
    """Whether a gauge may be summed over rows (sizes, numbers of rows); counters always may."""
    column: str | None = None
    """The attribute that is the value, if it is one; sums can then use the packed column."""
    adds_up: bool = False
    """Whether each round's samples are added to a counter, which the renderer keeps."""
    legacy: bool = False
    """Whether this is an old name for existing rules; the setting `legacy_metrics` applies."""
    note: str = ""
    """The difference from postgres_exporter's metric of the same name, for docs/metrics.md."""
    since: int = 0
    """The first major version of PostgreSQL (17) that has it; 0: as the collector."""

    def also(self, name: str) -> "Metric[Row]":
        """Return the same metric under an old name."""
        return replace(self, name=name, legacy=True, note=f"Old name of `{self.name}`.")

    def from_version(self, major: int) -> "Metric[Row]":
        """Return the same metric, marked as absent before that major version."""
        return replace(self, since=major)


@dataclass(frozen=True, slots=True)
class Bound:
    """Number of rows with their own series; the others are summed as `other` for each `within`."""

    rank: str
    """The attribute by which rows are chosen, largest first."""
    top: int
    """The number of rows on one server; its databases share it."""
    within: str = "datname"
    whole: Mapping[str, str] = field(default_factory=dict)
    """From an attribute that names a row to the one that names its partitioned parent: partitions
    have no series of their own, their numbers are summed into the parent's."""


@dataclass(frozen=True, slots=True)
class Gate(Generic[Row]):
    """Condition on the newest rows of another collector of the same lane: they satisfy `opens`."""

    reads: "Collector[Row]"
    opens: Callable[[Sequence[Row]], bool]

    def is_shut(self, newest: "Mapping[AnyCollector, AnyAnswer]") -> bool:
        """Whether they don't. Before there is an answer it is open."""
        return self.reads in newest and not self.opens(newest[self.reads].rows)


@dataclass(frozen=True, eq=False)
class Collector(Generic[Row]):
    """A query of one view, its row type and its metrics. Its file's name is its id."""

    row: type[Row]
    lane: Lane
    sql: Mapping[int, str] = field(default_factory=dict)
    """Queries by the server version (180000) from which they apply; empty if the daemon itself
    provides the rows. `{wanted}` in a query stands for the numbers of the rows that are asked
    for; where none are wanted it does not run."""
    scope: Scope = Scope.server
    of: Kind = Kind.postgres
    """The kind of target that it reads."""
    console: str = ""
    """The command of PgBouncer's console that brings the rows; a field may name in its metadata
    what its column was called `before`."""
    key: tuple[str, ...] = ()
    """The attributes that identify a row, also in history."""
    counters: tuple[str, ...] = ()
    """Attributes that only grow, until a reset."""
    epoch: str | None = None
    """The attribute that changes when the counters are reset."""
    needs: tuple[Capability, ...] = ()
    on: Role | None = None
    """The only role of a server on which the view has rows; None: both."""
    extension: str | None = None
    """The extension that the query needs; `{schema}` in the query is its schema."""
    extension_versions: Mapping[int, str] = field(default_factory=dict)
    """By the first server version that a query is for, the version of the extension it needs.
    After an upgrade of the server the old one stays until ALTER EXTENSION … UPDATE."""
    gate: Gate[Any] | None = None
    """The query runs only while it is open."""
    haste: Gate[Any] | None = None
    """While it is shut, and no other server of the cluster is watched, a query of the fast lane is
    asked at the pace of the normal one."""
    own: bool = False
    """Whether the query is a user's own check: it runs in a transaction that is rolled back."""
    timeout: float | None = None
    """Seconds after which the server ends an own check, if that is before the deadline of all."""
    databases: tuple[str, ...] = ()
    """Shell patterns of the only databases where an own check is asked."""
    bulk: bool = False
    """Whether there may be as many rows as tables. The query then runs for one range of OIDs after
    the other (`c.oid {asked}`), and its rows, which have a `relid`, are stored as columns."""
    packed: bool = False
    """Whether many rows of one query are stored as columns."""
    bound: Bound | None = None
    metrics: tuple[Metric[Row], ...] = ()

    @cached_property
    def name(self) -> str:
        return self.row.__module__.rpartition(".")[2]

    @property
    def since(self) -> int:
        """The first server version (180000) with a query; 0: any."""
        return min(self.sql, default=0)

    def query(self, version: int, tables: Tables = ALL, wanted: Sequence[int] = ()) -> str | None:
        """Return the query for a server version, or None if that version is too old."""
        known = [minimum for minimum in self.sql if minimum <= version]
        if not known:
            return None
        query = self.sql[max(known)].replace("{asked}", _asked(tables))
        return query.replace("{wanted}", f"'{{{','.join(map(str, wanted))}}}'")

    @property
    def asks_by_number(self) -> bool:
        """Whether its query asks only for the rows that are wanted."""
        return any("{wanted}" in query for query in self.sql.values())

    def extension_version(self, version: int) -> str | None:
        """Return the version of its extension that the query for a server version needs."""
        known = [minimum for minimum in self.extension_versions if minimum <= version]
        return self.extension_versions[max(known)] if known else None

    def key_of(self, row: Row) -> tuple[Hashable, ...]:
        return tuple(getattr(row, name) for name in self.key)

    def __repr__(self) -> str:
        return f"<collector {self.name}>"


@dataclass(frozen=True, slots=True)
class Absence:
    """Reason for an answer that could not be read, and the statement that would allow it."""

    reason: str
    grant: str | None = None
    of_all: bool = False
    """Whether the reason is the same for all collectors of this server."""
    setting: str | None = None
    """The missing setting that it needs: it is not configured, not broken."""
    expected: bool = False
    """Whether there is nothing to read: on that role or version, or without an extension."""
    late: bool = False
    """Whether the server did not answer in time: it may do so the next time."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[Row]):
    """Rows of one round of a collector, their time (unix seconds), and what is missing."""

    rows: Sequence[Row]
    at: float
    missing: Mapping[str, Absence] = field(default_factory=dict)
    """Databases that could not be queried; their previous rows may still be among the rows."""
    oldest: float | None = None
    """When the oldest rows were read, where they are of several databases."""

    @property
    def since(self) -> float:
        """When the oldest of its rows were read."""
        return self.at if self.oldest is None else self.oldest

    _indexes: dict[str, dict[Any, Row]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def by(self, name: str) -> Mapping[Any, Row]:
        """Return the rows by one of their attributes, made at the first call; the last of
        equals counts."""
        if name not in self._indexes:
            value = attrgetter(name)
            self._indexes[name] = {value(row): row for row in self.rows}
        return self._indexes[name]


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
    """Define a gauge with one sample for each row. Labels are attributes of the row; `value` is a
    function of the row or the name of an attribute."""
    samples, column = _per_row(value, labels)
    return Metric(name, "gauge", help, labels, samples, additive, column, note=note)


def counter(
    name: str,
    help: str,
    value: Callable[[Row], Value] | str,
    labels: tuple[str, ...] = (),
    note: str = "",
) -> Metric[Row]:
    """Define a counter, with the same arguments as `gauge`."""
    samples, column = _per_row(value, labels)
    return Metric(name, "counter", help, labels, samples, column=column, note=note)


def _per_row(
    value: Callable[[Row], Value] | str, labels: tuple[str, ...]
) -> tuple[Callable[[Sequence[Row]], Iterable[Sample]], str | None]:
    readers = [attrgetter(label) for label in labels]
    column = value if isinstance(value, str) else None
    of = attrgetter(value) if isinstance(value, str) else value
    return (lambda rows: ((tuple(r(row) for r in readers), of(row)) for row in rows)), column
