"""Page of waits: what active sessions did in the last hour, as a page and as JSON."""

from itertools import islice
from typing import Any
from urllib.parse import urlencode

from alerts.waits.history import STEP
from monitor.views.overview import Overview, ServerView
from monitor.views.wait_hour import (
    COLUMNS,
    ChartColumn,
    DoingRow,
    EventRow,
    average_of,
    columns,
    doing_rows,
    event_rows,
)
from monitor.web.findings import iso
from monitor.web.templating import TEMPLATES
from monitor.web.waits_schema import ServerWaitsJson, WaitJson, WaitsJson, WorkJson

FEW = 3
"""Kinds of work that are listed of each of many servers."""
LONGEST = 60
"""Minutes that are remembered."""
Plain = dict[str, Any]


def waits_page(overview: Overview, server: str | None = None) -> str:
    return TEMPLATES.get_template("waits.html").render(
        overview=overview,
        server=server,
        now=overview.at,
        details=details(overview),
        address=address,
    )


def address(view: ServerView) -> str:
    """Return where the script of the page gets the numbers of a chart."""
    return "/waits.json?" + urlencode({"server": view.name})


def details(overview: Overview) -> Plain:
    """Return the tables of each server; of many servers at once the averages alone are shown."""
    found = {}
    for view in overview.servers:
        shown = columns(view.waits, overview.at, LONGEST)
        rows = event_rows(view.waits, shown, overview.at)
        since = shown[0].start if shown else overview.at
        is_alone = len(overview.servers) == 1
        found[view.name] = {
            "events": rows,
            "doings": list(doing_rows(view.waits, since)) if is_alone else [],
            "now": sum(row.now for row in rows if row.now is not None)
            if any(row.now is not None for row in rows)
            else None,
            "unwatched": sum(column.watched == 0 for column in shown) * STEP,
        }
    return found


def minutes_of(asked: str | None) -> int:
    """Return the minutes that are asked for, from 1 to 60. Raises ValueError."""
    minutes = LONGEST if asked is None else int(asked)
    if not 1 <= minutes <= LONGEST:
        raise ValueError(f"minutes: 1 to {LONGEST}")
    return minutes


def waits_json(overview: Overview, minutes: int = LONGEST) -> WaitsJson:
    """Return the waits of all servers; columns only where it is one server."""
    is_alone = len(overview.servers) == 1
    return {
        "at": iso(overview.at),
        "minutes": minutes,
        "servers": [_server(view, overview.at, minutes, is_alone) for view in overview.servers],
    }


def _server(view: ServerView, now: float, minutes: int, with_columns: bool) -> ServerWaitsJson:
    shown = columns(view.waits, now, minutes)
    assert len(shown) <= COLUMNS
    since, drawn = shown[0].start, shown if with_columns else None
    rows = event_rows(view.waits, shown, now)
    works = islice(doing_rows(view.waits, since), None if with_columns else FEW)
    return {
        "server": view.name,
        "unknown": view.waits.unknown,
        "step_seconds": STEP if drawn else None,
        "start": iso(since) if drawn else None,
        "watched_seconds": [round(one.watched, 1) for one in drawn] if drawn else None,
        "active_sessions": [_active(one) for one in drawn] if drawn else None,
        "waits": [_wait(row, rows, drawn) for row in rows],
        "largest": [_work(row) for row in works],
    }


def _active(column: ChartColumn) -> float | None:
    return round(sum(column.sessions.values()), 2) if column.watched else None


def _wait(row: EventRow, rows: list[EventRow], drawn: list[ChartColumn] | None) -> WaitJson:
    return {
        "type": row.event[0],
        "event": row.event[1],
        "means": f"sessions {row.means}",
        "advice": row.advice,
        "sessions_now": None if row.now is None else round(row.now, 2),
        "sessions": round(row.average, 2),
        "columns": [round(average_of(c, row, rows), 2) for c in drawn] if drawn else None,
    }


def _work(row: DoingRow) -> WorkJson:
    doing = row.doing
    return {
        "type": doing.wait_event_type,
        "event": doing.wait_event,
        "query_id": None if doing.query_id is None else str(doing.query_id),
        "statement": row.statement,
        "user": doing.usename,
        "application": doing.application_name,
        "database": doing.datname,
        "sessions": round(row.average, 2),
    }
