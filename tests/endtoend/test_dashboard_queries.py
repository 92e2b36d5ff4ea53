"""Every panel shows something when real Prometheus has scraped real servers."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from grafana.titles import TITLES, committed
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.pooler import Pooler, Poolers
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

__all__ = ["chain", "webhook"]

Asked = tuple[str, str, str, str]
"""Dashboard, panel, name and expression of one query."""
LABEL_VALUES = re.compile(r"label_values\((?P<metric>.*), (?P<label>\w+)\)")
Chosen = Mapping[str, str]
"""What takes the place of each variable of a dashboard."""
NOTHING: Mapping[str, Chosen] = {name: {} for name in TITLES}
# One look must do for what takes a month in life.
QUICK = (
    *("paces.normal=1s", "paces.table=1s", "paces.slow=1s", "scrape_interval=1s"),
    "statement_texts=true",
)
ILL_SOON = (
    "findings.idle_in_transaction.silent=1s",
    "findings.connection_saturation.taken=1%",
    "findings.index_unused.window=1s",
    "findings.index_unused.min_bytes=1",
    "findings.index_unused.min_writes=0",
    "findings.lock_blocker_root.one_waits=1s",
    "findings.pooler_client_limit.used=0.1%",
)
SHOP = """
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
    CREATE TABLE orders (id int);
    CREATE TABLE archive (id int);
    CREATE INDEX archive_id ON archive (id);
    INSERT INTO archive SELECT generate_series(1, 2000);
    CREATE SEQUENCE invoices AS smallint;
    SELECT nextval('invoices');
    GRANT SELECT ON SEQUENCE invoices TO PUBLIC;
    ANALYZE;
"""
FORGOTTEN = "BEGIN; INSERT INTO archive VALUES (0); PREPARE TRANSACTION 'courier'"
DEAR = "SELECT count(*) FROM archive a, archive b WHERE a.id <> b.id"
"""The one statement that the login for plans may plan; it takes most of the time."""
HIDES_LITTLE = re.compile(r" > [0-9.]+(?=\)?$)")
"""The end of a query that leaves out what has next to nothing of what it asks for."""

EMPTY_WHILE_WELL = {
    "Delay of recent WAL": "PostgreSQL tells it only while a standby acknowledges new WAL",
    "Lines for structures in memory": "few sessions never stand in line",
    "Events a minute, counted by findings": "there where a finding of events is in the group",
    "Advised indexes": "needs HypoPG, which only Debian's server has",
}
"""Panels that may have no data, and why."""
ELSE = "0 * "
"""How a query begins that answers where the first one of its panel does not."""
ONE_KIND_IS_ENOUGH = "Ill subjects"
"""Such a table asks once for each kind of unit, and hardly a server is ill in all of them."""


def panel_queries(chosen: Mapping[str, Chosen]) -> list[Asked]:
    """Every query of every dashboard, with what is chosen there."""
    found = []
    for name in TITLES:
        for panel in json.loads(committed(name))["panels"]:
            for target in panel.get("targets", []):
                expression = filled(HIDES_LITTLE.sub("", target["expr"]), chosen[name])
                found.append((name, panel["title"], target["refId"], expression))
    return found


def filled(expression: str, chosen: Chosen) -> str:
    for variable, value in chosen.items():
        expression = expression.replace(f"${variable}", value)
    return expression


async def everything(chain: Chain, name: str) -> Chosen:
    """`All` as Grafana takes it: what the variable says of it, or else all that is offered."""
    chosen = {"__rate_interval": "10s"}
    for variable in json.loads(committed(name))["templating"]["list"]:
        if variable["type"] == "query":
            asked = LABEL_VALUES.fullmatch(filled(variable["query"]["query"], chosen))
            assert asked
            series = await chain.query(f"count by ({asked['label']}) ({asked['metric']})")
            values = sorted(filter(None, (one["metric"].get(asked["label"]) for one in series)))
            chosen[variable["name"]] = variable.get("allValue") or "|".join(values)
    return chosen


@pytest.mark.versions(18)
async def test_every_panel_has_data(
    private_server: PrivateServers,
    standby: Callable[..., Postgres],
    chain: Chain,
    pooler: Poolers,
) -> None:
    """On a sick primary, its standby, a server that nearly blinds us, and a pooler, no query is
    empty."""
    primary, closed = private_server(), private_server(fresh=True)
    async with connected(primary.dsn()) as owner, connected(closed.dsn()) as other:
        await owner.execute(SHOP)
        await owner.execute("CREATE ROLE plans LOGIN; GRANT SELECT ON archive TO plans")
        await owner.execute(FORGOTTEN)
        await other.execute("CREATE ROLE curious LOGIN")
    replica = standby(primary, slot="replica")
    addresses = {
        "primary": primary.dsn(user=MONITOR),
        "replica": replica.dsn(user=MONITOR),
        "closed": closed.dsn(user="curious"),
    }
    line = f"host={primary.folder} port={primary.port} dbname=postgres user=postgres"
    pool = await pooler({"shop": line}, pool_mode="transaction")
    poolers = json.dumps({"pool": {"dsn": pool.dsn()}})
    watched: dict[str, Any] = {name: {"dsn": dsn} for name, dsn in addresses.items()}
    watched["primary"]["plans"] = {"user": "plans"}
    servers = json.dumps(watched)
    await chain.daemon(
        f"servers={servers}",
        f"poolers={poolers}",
        f"state_file={chain.workplace / 'state.db'}",
        *QUICK,
        *ILL_SOON,
    )
    await chain.prometheus()
    async with connected(replica.dsn()) as operator:
        await operator.execute("SELECT pg_wal_replay_pause()")
    async with (
        connected(primary.dsn()) as blocker,
        connected(primary.dsn()) as victim,
        busy(pool),
    ):
        await blocker.execute("BEGIN; LOCK TABLE orders")
        waiting = asyncio.create_task(victim.fetch("SELECT * FROM orders"))
        async with repeated(primary, DEAR):
            empty = unexcused(await without_data(chain))
        assert not empty, "\n".join(map(": ".join, empty))
        assert "pool" in await ill_servers(chain)
        await blocker.execute("ROLLBACK")
        await waiting


async def ill_servers(chain: Chain) -> set[str]:
    """Whom the start page lists with something ill, where all are chosen."""
    asked = panel_queries({**NOTHING, "pgvigil": await everything(chain, "pgvigil")})
    tables = [one[3] for one in asked if one[:2] == ("pgvigil", ONE_KIND_IS_ENOUGH)]
    return {one["metric"]["server"] for table in tables for one in await chain.query(table)}


@asynccontextmanager
async def busy(pool: Pooler) -> AsyncIterator[None]:
    """A client whose transactions never end to come."""

    async def transact() -> None:
        async with pool.client("shop") as client:
            while True:
                await client.execute("SELECT pg_catalog.pg_sleep(0.1)")

    task = asyncio.create_task(transact())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def repeated(server: Postgres, statement: str) -> AsyncIterator[None]:
    """Execute a statement once a second: a single time may come before the first look."""

    async def repeat() -> None:
        async with connected(server.dsn()) as session:
            while True:
                await session.fetch(statement)
                await asyncio.sleep(1)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def without_data(chain: Chain) -> list[Asked]:
    """The queries that nothing answered until the deadline."""
    answered: set[tuple[str, str, str]] = set()
    empty: list[Asked] = []

    async def all_answered() -> bool:
        nonlocal empty
        chosen = {name: await everything(chain, name) for name in TITLES}
        left = [one for one in panel_queries(chosen) if one[:3] not in answered]
        empty = [query for query in left if not await chain.query(query[3])]
        answered.update({one[:3] for one in left} - {one[:3] for one in empty})
        return not unexcused(empty)

    with suppress(AssertionError):
        await until(all_answered, "every query has an answer", seconds=240)
    return empty


def unexcused(empty: list[Asked]) -> list[Asked]:
    asked, silent = Counter(q[:2] for q in panel_queries(NOTHING)), Counter(q[:2] for q in empty)
    return [
        query
        for query in empty
        if query[1] not in EMPTY_WHILE_WELL
        and (not query[3].startswith(ELSE) or silent[query[:2]] == asked[query[:2]])
        and (query[1] != ONE_KIND_IS_ENOUGH or silent[query[:2]] == asked[query[:2]])
    ]


def test_every_excuse_is_for_a_panel() -> None:
    """A panel that is renamed or removed takes its excuse along."""
    panels = {panel for _, panel, _, _ in panel_queries(NOTHING)}
    assert panels >= {*EMPTY_WHILE_WELL, ONE_KIND_IS_ENOUGH}


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
