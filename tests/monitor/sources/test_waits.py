"""Waits of a real server on the page of metrics and in the numbers of the chart."""

import asyncio
import json

import pytest

from alerts.waits import history
from monitor.fleet import view
from monitor.views.overview import Overview
from monitor.web.findings import dumps
from monitor.web.waits_page import waits_json, waits_page
from tests.fixtures.daemon import Watch
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

WAITING = "select count(*) from pg_stat_activity where wait_event = 'relation'"


@pytest.mark.versions(14, 18)
async def test_who_waits_is_shown(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds of a session that waits for a table, by event and by client, and the cores."""
    monkeypatch.setattr(history, "STEP", 1.0)
    monkeypatch.setattr(history, "MINUTE", 1.0)
    await database.execute("create table t ()")
    holder, waiter = await database.session(), await database.session(application_name="late")
    await holder.execute("begin; lock table t")
    task = asyncio.create_task(waiter.execute("select * from t"))
    await until(lambda: database.fetchval(WAITING), "a session waits")
    watched = await watch(database.monitor_dsn, **{"bounds.wait_statements": "5"})

    async def page() -> str:
        text = watched.fleet.store.page("it").body.decode()
        is_there = 'pg_wait_seconds_total{wait_event_type="Lock",wait_event="relation"} ' in text
        return text if is_there and "pg_wait_client_seconds_total{" in text else ""

    text = await until(page, "the waits are counted")
    client = f'datname="{database.name}",usename="postgres",application_name="late"'
    assert f'pg_wait_client_seconds_total{{{client},wait_event_type="Lock"}}' in text
    assert "pg_wait_watched_seconds_total " in text
    assert "pg_active_sessions_average " in text
    assert "pg_processors " in text
    seen = view(watched.server)
    shown = Overview(at=watched.server.clock.now(), servers=(seen,))
    [server] = json.loads(dumps(waits_json(shown, 5)))["servers"]
    assert ("Lock", "relation") in [(one["type"], one["event"]) for one in server["waits"]]
    assert len(server["watched_seconds"]) == len(server["waits"][0]["columns"]) == 30
    assert "wait for a lock on a whole table" in waits_page(shown)
    await holder.execute("rollback")
    await task
