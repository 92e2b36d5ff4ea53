"""Types of the JSON of `/statements.json`, and the JSON Schema that is published for it."""

from functools import cache

# On Python 3.11, pydantic reads this one only.
from typing_extensions import TypedDict

from monitor.web.json_schema import Time, closed, page_of


@closed
class StatementJson(TypedDict):
    """Cost of one statement within the time that was seen."""

    query_id: str
    """As in pg_stat_statements; a text, because it has 64 bits."""
    text: str | None
    """Without values; null if it was not read yet."""
    user: str
    database: str | None
    share: float
    """Of the execution time of all statements, from 0 to 1."""
    calls: float
    calls_per_second: float
    mean_seconds: float | None
    """Of one execution; null without any."""
    rows_per_call: float | None
    blocks_per_call: float | None
    """Of shared buffers, found there or read."""
    read_bytes: float
    """Not found in shared buffers."""
    spilled_bytes: float
    """Written to temporary files."""
    wal_bytes: float
    trend: list[float]
    """Mean number of sessions that executed it in each of the last whole windows."""
    plan: list[str]
    """Lines of its plan, without values; empty if it is not known."""
    advice: str | None
    """An index that the planner would use, or uses since it was advised; null if there is none."""
    no_plan: str | None
    """Why there is no plan; null if there is one, or none was asked for."""


@closed
class ServerStatementsJson(TypedDict):
    """Statements of one server; those that took the most time."""

    server: str
    unknown: str | None
    """Why they are not known; null if they are."""
    grant: str | None
    """The statement that would allow it."""
    rows: list[StatementJson]
    seconds: float
    """How long they were watched, at most an hour."""
    sessions: float
    """Mean number of sessions that executed a statement."""
    others: int
    """Statements that are not listed."""
    other_share: float
    """Of the execution time of all statements."""


@closed
class StatementsJson(TypedDict):
    """Statements of all servers."""

    at: Time | None
    servers: list[ServerStatementsJson]


@cache
def schema_page() -> str:
    """Return the schema as text, as it is committed and served."""
    return page_of(StatementsJson)
