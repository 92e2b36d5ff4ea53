"""The vocabulary of a finding: what it reads, how it judges, and how it speaks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from alerts.history.kind import AnyHistory
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector, Role


class Severity(StrEnum):
    """Who must act, and when: critical tonight, warning this week, info worth knowing."""

    info = "info"
    warning = "warning"
    critical = "critical"

    @property
    def rank(self) -> int:
        return tuple(Severity).index(self)


class State(StrEnum):
    """What is known of a finding on a server, the first that holds."""

    ill = "ill"
    unknown = "unknown"
    learning = "learning"
    muted = "muted"
    healthy = "healthy"
    not_applicable = "not_applicable"


class Shape(StrEnum):
    """A condition holds or does not; an event happened, and is counted."""

    condition = "condition"
    event = "event"


class Reach(StrEnum):
    """How far one verdict reaches: a cause of server scope explains whatever the server suffers."""

    server = "server"
    database = "database"
    cluster = "cluster"


class AlertedBy(StrEnum):
    """What one alert stands for: a subject where each is an incident, such as a session."""

    server = "server"
    database = "database"
    subject = "subject"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One ill subject, with everything a person needs to act."""

    subject: str
    severity: Severity
    value: float
    """The measured number that the finding is about; an event's is how often it happened."""
    message: str
    """One plain sentence with numbers."""
    facts: Mapping[str, float | int | str | bool | None]
    """Numbers with their base unit as the end of their name (`_seconds`, `_bytes`), and names."""
    cure: tuple[str, ...]
    """Statements, run one by one in the named database; advice is a `--` comment line."""
    check: str
    """A query that shows the illness, to be run before the cure; empty where none can be run."""
    key: str = ""
    """Identity for since-times and mutes, where the subject's name is not (a session, an event)."""
    object: str | None = None
    """The database object, schema-qualified and quoted, that a COMMENT may mute."""
    database: str | None = None

    @property
    def identity(self) -> tuple[str, str]:
        return self.database or "", self.key or self.subject


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Something that could not be judged, why, and what would open our eyes."""

    reason: str
    database: str | None = None
    subject: str | None = None
    grant: str | None = None
    until: float | None = None
    """Unix seconds when it will have been watched long enough; set means learning."""
    count: int = 1


L = TypeVar("L", bound=BaseLimits)
Outcome = Evidence | Unjudged


@dataclass(frozen=True, eq=False)
class Finding(Generic[L]):
    """One kind of illness. Its file's name is its id; the `.md` beside it is its runbook."""

    title: str
    severities: tuple[Severity, ...]
    """Those it can reach, so that 0 is published for each."""
    reads: tuple[AnyCollector, ...]
    """Blind where one of them is; objects judged are counted in the first."""
    limits: L
    judge: Callable[[Snapshot, L], Iterator[Outcome]]
    unit: str = ""
    """The base unit of the evidence's value."""
    history: tuple[AnyHistory, ...] = ()
    """The kinds of history that the judge asks a snapshot for."""
    consults: tuple[AnyCollector, ...] = ()
    """Read where present; their absence blinds nothing."""
    shape: Shape = Shape.condition
    scope: Reach = Reach.server
    on: Role | None = None
    """The only role on which it is judged; on the other it is not_applicable."""
    alerted_by: AlertedBy = AlertedBy.server
    outlives_restart: bool = True
    """Whether what is ill can still be there after the server restarted; sessions can't."""
    hold: timedelta = timedelta(0)
    """How long a condition must hold where PostgreSQL itself gives no age."""
    linger: timedelta = timedelta(minutes=10)
    """How long an event stays on the page as ill after it happened."""
    because: tuple[str, ...] = field(default=())
    """Findings that this one is a consequence of."""

    @property
    def name(self) -> str:
        return self.judge.__module__.rpartition(".")[2]

    @property
    def chapter(self) -> str:
        """The folder that it lies in."""
        return self.judge.__module__.rpartition(".")[0].rpartition(".")[2]

    @property
    def runbook(self) -> str:
        """The page a person reads at three in the morning, as Markdown."""
        import sys

        source = sys.modules[self.judge.__module__].__file__
        return Path(source or "").with_suffix(".md").read_text(encoding="utf-8")

    def __repr__(self) -> str:
        return f"<finding {self.name}>"


AnyFinding: TypeAlias = Finding[Any]
