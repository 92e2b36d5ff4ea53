"""Types of the JSON of `/findings`, and the JSON Schema that is published for it."""

from functools import cache
from typing import Any

# On Python 3.11, pydantic reads this one only.
from typing_extensions import TypedDict

from alerts._base import FindingKind, Severity, State
from collectors._base import Kind, Role
from monitor.web.json_schema import Time, closed, page_of, schema_of


@closed
class SubjectJson(TypedDict):
    """An ill object, with everything needed to act."""

    subject: str
    incident: str | None
    """The label `incident` of its alert, 16 hexadecimal digits; null where one alert stands for
    a whole server or database, and where the finding has no alert."""
    database: str | None
    severity: Severity
    value: float | None
    """The measured value, in `unit`; for an event, how often it happened."""
    unit: str
    message: str
    """One sentence with numbers."""
    facts: dict[str, float | int | str | bool | None]
    """Numbers, whose names end in their base unit, and texts; null is unknown."""
    cure: list[str]
    """Statements to run one by one in the database; advice is a `--` comment line."""
    check: str
    """A query that shows the condition; empty if there is none."""
    since: Time | None
    held: bool
    """It was ill when it was last judged, and can't be judged now."""
    over_since: Time | None
    """When it was last ill, if it is well again and is still shown for the next scrapes."""
    muted: str | None
    """Why it is muted."""


@closed
class UnjudgedJson(TypedDict):
    """Reason for objects that could not be judged."""

    reason: str
    count: int
    """Number of objects."""
    database: str | None
    subject: str | None
    grant: str | None
    """The statement that would allow it."""
    until: Time | None
    """When enough will have been seen; if set, pgvigil is learning."""
    setting: str | None
    """The setting without which it can't be judged."""


@closed
class UnreadJson(TypedDict):
    """Something that is not read, whether or not a finding needs it."""

    database: str | None
    collectors: list[str]
    """Those that miss it; empty where it is the whole database."""
    reason: str
    grant: str | None
    """The statement that would allow it."""


@closed
class VerdictJson(TypedDict):
    """The result of judging one finding."""

    finding: str
    title: str
    chapter: str
    kind: FindingKind
    state: State
    severity: Severity | None
    """The worst of its subjects; null without any."""
    reason: str
    """Why it is in this state, in one sentence; empty if it is healthy."""
    since: Time | None
    """Since when it is in this state."""
    judged_at: Time | None
    """When it was last judged; null for never."""
    facts_at: Time | None
    """When the oldest facts were read that it stands on; null for none."""
    facts: dict[str, Time | None]
    """The same of each collector that it needs."""
    is_old: bool
    """Whether some of them should have been renewed since."""
    judged: int
    """Number of objects that were judged."""
    unjudged: int
    """Number of objects that could not be judged."""
    unjudged_reasons: list[UnjudgedJson]
    events: float
    """How often an event has happened since the daemon knows this server."""
    subjects: list[SubjectJson]
    """Ill, the worst first."""
    muted: list[SubjectJson]
    measured: list[dict[str, float | int | str | bool | None]]
    """What was measured of the largest objects, ill or not, such as an interval of bloat."""


@closed
class ServerJson(TypedDict):
    """One server with all its findings."""

    server: str
    up: bool
    unreachable: str | None
    """Why it does not answer, as one word."""
    role: Role | None
    version: str | None
    cluster: str | None
    system_identifier: str | None
    unread: list[UnreadJson]
    findings: list[VerdictJson]


@closed
class TargetJson(TypedDict):
    """Watched target that is no server of PostgreSQL."""

    server: str
    kind: Kind
    findings: list[VerdictJson]


@closed
class FindingsJson(TypedDict):
    """Verdicts of all servers."""

    at: Time | None
    servers: list[ServerJson]
    targets: list[TargetJson]
    notices: list[str]
    """Messages about pgvigil itself."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `/findings`."""
    return schema_of(FindingsJson)


@cache
def schema_page() -> str:
    """Return the schema as text, as it is committed and served."""
    return page_of(FindingsJson)
