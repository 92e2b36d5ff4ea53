"""The daemon with a login for plans: plans arrive, and there are never more than three sessions."""

import asyncio
import json
from dataclasses import replace

import pytest

from collectors.plans import plans
from monitor.planner import choice
from monitor.postgres.plans_role_sql import statements
from monitor.web.statements_page import statements_json, statements_page
from tests.fixtures.daemon import SessionCount, Watch, count_sessions
from tests.fixtures.farm import MONITOR
from tests.fixtures.overview import overview, primary
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until


@pytest.mark.versions(14, 18)
async def test_plans_arrive(
    private_server: PrivateServers, psql: Psql, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown on the page without a value."""
    monkeypatch.setattr(choice, "LEAST", 0.0)
    monkeypatch.setattr("monitor.postgres.session.GRACE", 60.0)  # its processes end late if busy
    server = private_server()
    await psql(
        server.dsn(),
        "create extension pg_stat_statements; create table t (id int, secret text);"
        "create role app login; grant select on t to app; create database other;"
        + "\n".join(statements("plans", ["postgres"])),
    )
    count = SessionCount()
    counting = asyncio.create_task(count_sessions(server.dsn(), count))
    watched = await watch(server.dsn(user=MONITOR), **{"plans.user": "plans"})
    await watched.until_seen()

    async def arrived() -> bool:
        async with connected(server.dsn(user="app")) as app:
            await app.execute("select id from t where secret = 'hunter2'")
        rows = watched.server.snapshot().answers.get(plans)
        nodes = (node for row in rows.rows for node in row.nodes) if rows else ()
        return any(node.relname == "t" for node in nodes)

    await until(arrived, "a plan has arrived")
    counting.cancel()
    assert count.most <= 3
    view = replace(primary(), snapshot=watched.server.snapshot())
    shown = replace(overview(), servers=(view,))
    page = statements_page(shown)
    assert "Seq Scan on public.t" in page
    assert "hunter2" not in page + statements_json(shown)
    [told] = json.loads(statements_json(shown))["servers"]
    assert any("secret = ?" in line for row in told["rows"] for line in row["plan"])
