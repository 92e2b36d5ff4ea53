"""Types of the JSON of `/waits.json`, and the JSON Schema that is published for it."""

from functools import cache
from typing import Annotated

# On Python 3.11, pydantic reads this one only.
from typing_extensions import TypedDict

from monitor.web.json_schema import Keyword, Time, closed, page_of


@closed
class WaitJson(TypedDict):
    """One wait event; both names are `CPU` for sessions that run, or wait for a core."""

    type: str
    event: str
    means: str
    advice: str
    sessions_now: float | None
    """Average number of sessions within five minutes; null: not looked at."""
    sessions: float
    """Average number within all that was looked at."""
    columns: list[float] | None
    """Average number in each column; null where several servers are asked for."""


@closed
class WorkJson(TypedDict):
    """One kind of work: what waits, and whose it is."""

    type: str
    event: str
    query_id: str | None
    """As in pg_stat_statements; a text, because it has 64 bits."""
    statement: str | None
    """Without values; null where its text is not known."""
    user: str | None
    application: str | None
    database: str | None
    sessions: float
    """Average number of sessions."""


@closed
class ServerWaitsJson(TypedDict):
    """Waits of one server. What belongs to columns is null where several servers are asked for."""

    server: str
    unknown: str | None
    """Why nothing is known; null if it is."""
    step_seconds: float | None
    """Length of a column."""
    start: Time | None
    """When the first column begins."""
    watched_seconds: list[float] | None
    """How long of each column was looked at."""
    active_sessions: list[float | None] | None
    """Average number in each column; null where none of it was looked at."""
    waits: list[WaitJson]
    """The largest wait events; the sums of the others are the last row, of type `other`."""
    largest: list[WorkJson]
    """The largest kinds of work."""


@closed
class WaitsJson(TypedDict):
    """Waits of active sessions."""

    at: Time | None
    minutes: Annotated[int, Keyword("minimum", 1), Keyword("maximum", 60)]
    """That were asked for."""
    servers: list[ServerWaitsJson]


@cache
def schema_page() -> str:
    """Return the schema as text, as it is committed and served."""
    return page_of(WaitsJson)
