"""Base types of findings: input, judge, evidence and states."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from alerts.history.kind import AnyHistory
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector, Kind, Role


class Severity(StrEnum):
    """Severity: critical means act tonight, warning this week, info is worth knowing."""

    info = "info"
    warning = "warning"
    critical = "critical"

    @property
    def rank(self) -> int:
        return tuple(Severity).index(self)


class State(StrEnum):
    """State of a finding on a server: the first in this order that applies."""

    ill = "ill"
    unknown = "unknown"
    learning = "learning"
    muted = "muted"
    healthy = "healthy"
    not_applicable = "not_applicable"


class Shape(StrEnum):
    """Shape of a finding: a condition, which lasts, or an event, which is counted."""

    condition = "condition"
    event = "event"


class Reach(StrEnum):
    """Reach of a finding: one about the server can explain all others of that server."""

    server = "server"
    database = "database"
    cluster = "cluster"


class FindingKind(StrEnum):
    """An incident has a state, subjects and an alert; a review is read when there is time."""

    incident = "incident"
    review = "review"
    """Has no rule and no series of its own; counted by chapter, listed by `pgvigil review`."""


class AlertedBy(StrEnum):
    """Unit of alerting: one alert a subject where each is an incident, such as a session."""

    server = "server"
    database = "database"
    subject = "subject"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One ill subject, with everything needed to act."""

    subject: str
    severity: Severity
    value: float
    """The measured value; for an event, how often it happened."""
    message: str
    """One sentence with numbers."""
    facts: Mapping[str, float | int | str | bool | None]
    """Numbers, whose names end in their base unit (`_seconds`, `_bytes`), and texts."""
    cure: tuple[str, ...]
    """Statements to run one by one in the named database; advice is a `--` comment line."""
    check: str
    """A query that shows the condition, to run before the cure; empty if there is none."""
    key: str = ""
    """Identity of the subject, if its name does not identify it (a session, an event)."""
    object: str | None = None
    """The database object, schema-qualified and quoted, on which a COMMENT can mute it."""
    database: str | None = None
    accepted: str | None = None
    """The reason why it is fine, where the database itself has one; it is then muted."""
    is_consequence: bool = True
    """Whether a finding that can cause this one may explain it; False where another cause is
    known, or the one at hand is too small."""
    culprit: str = ""
    """Identity of the session or other thing that is at fault: two findings in one database with
    different culprits don't explain each other."""
    relfilenode: int | None = None
    """The file of the relation, if the finding is about its contents: a table that was rewritten,
    or made anew under its name, is not the one that was ill."""
    may_be_young: bool = False
    """Whether it may be a step of work that goes on: it is ill once it has held, and a single look,
    which sees no age, is learning."""

    @property
    def identity(self) -> tuple[str, str]:
        return self.database or "", self.key or self.subject


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Objects that could not be judged, the reason, and the grant that would allow it."""

    reason: str
    database: str | None = None
    subject: str | None = None
    grant: str | None = None
    until: float | None = None
    """Unix seconds when the window will be full; if set, the finding is learning."""
    count: int = 1
    setting: str | None = None
    """The missing setting: what needs it is not configured, and nothing is broken."""
    relfilenode: int | None = None
    """The file of the relation that could not be judged."""
    seen: Evidence | None = None
    """What was seen, where only its age is not known."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurement of an object, ill or not: a row of the collector that it `measures`."""

    row: Any


L = TypeVar("L", bound=BaseLimits)
Outcome = Evidence | Unjudged | Measured


@dataclass(frozen=True, eq=False)
class Finding(Generic[L]):
    """A finding. Its file's name is its id; the `.md` file next to it is its runbook."""

    title: str
    severities: tuple[Severity, ...]
    """The severities that it can have; 0 is published for each."""
    reads: tuple[AnyCollector, ...]
    """Collectors that it needs; judged objects are counted in the rows of the first."""
    limits: L
    judge: Callable[[Snapshot, L], Iterator[Outcome]]
    unit: str = ""
    """Base unit of the evidence's value."""
    history: tuple[AnyHistory, ...] = ()
    """Kinds of history that the judge reads from a snapshot."""
    consults: tuple[AnyCollector, ...] = ()
    """Optional collectors; without them it can still be judged."""
    details: tuple[AnyCollector, ...] = ()
    """Those of `reads` that only tell more of objects of the first: a database without such objects
    lacks none of them."""
    measures: AnyCollector | None = None
    """A collector without a query whose rows the judge measures; judged in the background."""
    shape: Shape = Shape.condition
    scope: Reach = Reach.server
    on: Role | None = None
    """The only role on which it is judged; on the other role it is not_applicable."""
    applies: Callable[[Snapshot], bool] | None = None
    """Whether this server can tell it, where its role alone does not say; elsewhere it is
    not_applicable."""
    of: Kind = Kind.postgres
    """The kind of target that it judges."""
    kind: FindingKind = FindingKind.incident
    alerted_by: AlertedBy = AlertedBy.server
    outlives_restart: bool = True
    """Whether ill subjects can survive a restart of the server; sessions can't."""
    hold: timedelta = timedelta(0)
    """How long a condition must hold, if PostgreSQL itself gives no age."""
    linger: timedelta = timedelta(minutes=10)
    """How long an event is shown as ill."""
    because: tuple[str, ...] = field(default=())
    """Findings that can cause this one; a review has none, for nothing of it fires."""

    @cached_property
    def name(self) -> str:
        return self.judge.__module__.rpartition(".")[2]

    @cached_property
    def since_version(self) -> int:
        """The server version from which there is all that it reads, as server_version_num."""
        queries = (collector.sql for collector in self.reads if not collector.extension)
        return max((min(sql) for sql in queries if sql), default=0)

    @property
    def is_review(self) -> bool:
        return self.kind is FindingKind.review

    @cached_property
    def chapter(self) -> str:
        """Name of its folder."""
        return self.judge.__module__.rpartition(".")[0].rpartition(".")[2]

    @property
    def why(self) -> str:
        """First sentence of its module's docstring: why it matters."""
        import sys

        text = sys.modules[self.judge.__module__].__doc__ or self.title
        return " ".join(text.strip().partition("\n\n")[0].split())

    @property
    def runbook(self) -> str:
        """Text of its runbook, as Markdown."""
        import sys

        source = sys.modules[self.judge.__module__].__file__
        return Path(source or "").with_suffix(".md").read_text(encoding="utf-8")

    def __repr__(self) -> str:
        return f"<finding {self.name}>"


AnyFinding: TypeAlias = Finding[Any]
