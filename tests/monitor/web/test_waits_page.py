"""The page of waits and its JSON: bounded, hostile names as data, and gaps told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from alerts.waits.history import HOUR, STEP
from monitor.views.overview import Overview, ServerView
from monitor.views.wait_hour import EVENTS, TOP, WaitHour
from monitor.web.findings import dumps
from monitor.web.waits_page import minutes_of, waits_json, waits_page
from monitor.web.waits_schema import WaitsJson
from tests.alerts.waits.looks import BUSY, at_event, running, view_of, watched
from tests.fixtures.findings import HOSTILE
from tests.fixtures.json_checks import check_schema
from tests.fixtures.overview import overview, primary
from tests.fixtures.session_rows import AT


def server(hour: WaitHour, name: str = "shop") -> ServerView:
    return replace(primary(), name=name, waits=hour)


def shown(*views: ServerView, at: float = AT) -> Overview:
    return replace(overview(), servers=views, at=at)


def read(shown: Overview, minutes: int = 60) -> Any:
    """What is served of the servers, as a reader of JSON sees it."""
    return json.loads(dumps(waits_json(shown, minutes)))["servers"]


def test_the_chart_has_a_bounded_number_of_numbers() -> None:
    """However many wait events, statements and clients there are."""
    rows = [
        replace(BUSY, pid=n, wait_event_type="Extension", wait_event=f"e{n}", query_id=n)
        for n in range(100)
    ]
    hour = WaitHour(seen=view_of(watched(rows, range(0, 7200, 9))))
    [told] = read(shown(server(hour), at=AT + 7200))
    assert len(told["watched_seconds"]) == HOUR / STEP
    assert len(told["waits"]) <= EVENTS + 2
    assert len(told["largest"]) <= TOP
    assert all(len(one["columns"]) == HOUR / STEP for one in told["waits"])


def test_what_is_not_told_apart_is_one_row() -> None:
    """All rows together are all active sessions, now and in each column."""
    rows = [
        replace(BUSY, pid=n, wait_event_type="Extension", wait_event=f"e{n}", query_id=n)
        for n in range(15)
    ] + [replace(BUSY, pid=99, wait_event_type=None, wait_event=None)]
    hour = WaitHour(seen=view_of(watched(rows, range(600))))
    now = shown(server(hour), at=AT + 600)
    [told] = read(now)
    assert told["waits"][-1]["type"] == "other"
    assert told["waits"][-1]["sessions_now"] == pytest.approx(4)
    assert sum(one["sessions"] for one in told["waits"]) == pytest.approx(16)
    assert sum(one["columns"][-1] for one in told["waits"]) == pytest.approx(16)
    assert "16.0 active sessions on average over five minutes" in waits_page(now)


def test_a_gap_is_null_and_not_zero() -> None:
    """Nobody knows how many sessions were active then."""
    hour = WaitHour(seen=view_of(watched(running(2), [*range(60), *range(300, 361)])))
    [told] = read(shown(server(hour), at=AT + 361), 5)
    assert None in told["active_sessions"]
    assert told["active_sessions"][-1] == pytest.approx(2)
    page = waits_page(shown(server(hour), at=AT + 361))
    assert "were not looked at; the chart leaves them empty" in page


def test_names_are_data() -> None:
    """Whatever an application calls itself."""
    rows = at_event("IO", "DataFileRead", 2, application_name=HOSTILE, datname=HOSTILE)
    hour = WaitHour(seen=view_of(watched(rows, range(130))))
    page = waits_page(shown(server(hour), at=AT + 130))
    assert HOSTILE not in page
    assert "<script>alert" not in page


def test_of_many_servers_the_averages_alone_are_sent() -> None:
    hour = WaitHour(seen=view_of(watched(running(2), range(60))))
    both = shown(server(hour, "a"), server(WaitHour(unknown="refused"), "b"), at=AT + 60)
    one, other = read(both)
    assert one["watched_seconds"] is one["waits"][0]["columns"] is None
    assert one["waits"][0]["sessions"] == pytest.approx(2)
    assert other["unknown"] == "refused"
    assert "Unknown: refused" in waits_page(both)


@pytest.mark.parametrize("asked", ["0", "61", "-1", "x", ""])
def test_other_minutes_are_refused(asked: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (int has words of its own)
        minutes_of(asked)


def test_what_is_served_is_what_the_schema_says() -> None:
    """With a gap, with a statement, of one server and of several, and where nothing is known."""
    rows = at_event("IO", "DataFileRead", 2, query="select 1 from orders where id = 4711")
    hour = WaitHour(seen=view_of(watched(rows, [*range(60), *range(300, 361)])))
    one = shown(server(hour), at=AT + 361)
    both = shown(server(hour, "a"), server(WaitHour(unknown="refused"), "b"), at=AT + 361)
    pages = [json.loads(dumps(waits_json(overview))) for overview in (one, both, shown())]
    assert pages[0]["servers"][0]["largest"][0]["statement"] == "select ? from orders where id = ?"
    check_schema(WaitsJson, *pages)
