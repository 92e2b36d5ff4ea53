"""Every panel shows something when real Prometheus has scraped real servers."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.prometheus import Chain, chain, ringing
from tests.fixtures.waiting import until

__all__ = ["chain", "ringing"]

DASHBOARD = Path(__file__).parents[2] / "grafana" / "dashboards" / "pgvigil.json"
ALL = {"$__rate_interval": "10s"} | {
    f"${name}": ".*" for name in ("job", "instance", "server", "database")
}
# One look must do for what takes a month in life.
QUICK = ("paces.normal=1s", "paces.table=1s", "paces.slow=1s", "scrape_interval=1s")
ILL_SOON = (
    "findings.idle_in_transaction.silent=1s",
    "findings.connection_saturation.taken=1%",
    "findings.index_unused.window=1s",
    "findings.index_unused.min_bytes=1",
    "findings.index_unused.min_writes=1",
)
SHOP = """
    CREATE TABLE orders (id int);
    CREATE TABLE archive (id int);
    CREATE INDEX archive_id ON archive (id);
    INSERT INTO archive SELECT generate_series(1, 1000);
"""


def panel_queries() -> list[tuple[str, str, str]]:
    """Title, name and expression of every query, with everything chosen."""
    found = []
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for variable, value in ALL.items():
                expression = expression.replace(variable, value)
            found.append((panel["title"], target["refId"], expression))
    return found


@pytest.mark.versions(18)
async def test_every_panel_has_data(
    private_server: PrivateServers, standby: Callable[..., Postgres], chain: Chain
) -> None:
    """On a sick primary, its standby, and a server that nearly blinds us, no query is empty."""
    primary, closed = private_server(), private_server(fresh=True)
    async with connected(primary.dsn()) as owner, connected(closed.dsn()) as other:
        await owner.execute(SHOP)
        await other.execute("CREATE ROLE curious LOGIN")
    addresses = {
        "primary": primary.dsn(user=MONITOR),
        "replica": standby(primary).dsn(user=MONITOR),
        "closed": closed.dsn(user="curious"),
    }
    servers = json.dumps({name: {"dsn": dsn} for name, dsn in addresses.items()})
    await chain.daemon(f"servers={servers}", *QUICK, *ILL_SOON)
    await chain.prometheus()
    async with connected(primary.dsn()) as blocker, connected(primary.dsn()) as victim:
        await blocker.execute("BEGIN; LOCK TABLE orders")
        waiting = asyncio.create_task(victim.fetch("SELECT * FROM orders"))
        assert await without_data(chain) == []
        await blocker.execute("ROLLBACK")
        await waiting


async def without_data(chain: Chain) -> list[tuple[str, str, str]]:
    """The queries that nothing answered until the deadline."""
    empty = panel_queries()

    async def all_answered() -> bool:
        nonlocal empty
        empty = [query for query in empty if not await chain.query(query[2])]
        return not empty

    with suppress(AssertionError):
        await until(all_answered, "every query has an answer", 45)
    return empty


@pytest.mark.versions(18)
async def test_choosing_a_server_chooses_its_facts(
    private_server: PrivateServers, chain: Chain
) -> None:
    """The facts of a page with one server carry no server; its name still finds them."""
    dsn = private_server().dsn(user=MONITOR)
    await chain.daemon("server_name=shop", *QUICK, PGVIGIL_DSN=dsn)
    await chain.prometheus()

    async def found() -> Any:
        return await chain.query('pg_stat_database_numbackends{job=~"pgvigil",server=~"shop|"}')

    assert {series["metric"].get("server") for series in await until(found, "facts")} == {None}
